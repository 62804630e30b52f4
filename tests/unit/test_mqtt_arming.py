"""How long a request to arm waits for its confirmation."""

from roastwatch.sinks.arming import CONFIRM_WITHIN_S, ArmingRequests


def test_a_request_to_arm_waits_30_s() -> None:
    arming = ArmingRequests()
    assert not arming.confirm("roaster", 0.0)
    arming.ask("roaster", 0.0)
    assert arming.waits("roaster", CONFIRM_WITHIN_S)
    assert not arming.waits("other", 1.0)
    assert not arming.confirm("roaster", CONFIRM_WITHIN_S + 0.1)
    arming.ask("roaster", 100.0)
    assert arming.confirm("roaster", 101.0)
    assert not arming.confirm("roaster", 101.0)
