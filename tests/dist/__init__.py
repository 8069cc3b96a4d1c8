"""What users do first with each extra, as scripts.

`tools/try_wheel.py` runs each where the wheel and that extra are all there is. So they need no pytest.
"""
