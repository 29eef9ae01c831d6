"""Who answers, and who should: experiments between model versions, without HTTP and without waiting.

What is planned: plan, rules. Who answers: assign, course. What was seen: count. What follows from it: evidence,
verdict, canary, bandit, conduct. What replay asks: recheck. Serving compiles it, a project starts and stops it.
"""
