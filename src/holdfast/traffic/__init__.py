"""Who answers, and who should: experiments between model versions, without HTTP and without waiting.

What is planned: plan, rules, entity. Who answers: assign, course, route. What was seen: count. What follows from it:
evidence, verdict, canary, bandit, conduct. What replay asks: recheck. Serving compiles it, a project starts it.
"""
