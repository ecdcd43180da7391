"""What the rules of edx-proctoring imply: one small pure function for each code, in ``table``.

A check whose data is missing says so (``Unchecked``) and is then never *passed*. Findings do not depend on the order of
records. They are facts about records, not verdicts about people.
"""
