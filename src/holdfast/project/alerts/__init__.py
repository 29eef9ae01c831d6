"""Alerts on their way to people: what leaves (`message`), by which ways (`door` and one module for each), and when.

`outbox` writes down before anything is sent, `sending` sends and tries again, `ways` reads the settings, `shown` lists
and acknowledges. What is an alert at all is decided in `holdfast.monitoring.alerting`.
"""
