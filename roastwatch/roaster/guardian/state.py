"""The guardian's state, which is sent to every client."""

import os
from dataclasses import asdict
from typing import Any

from roastwatch.roaster import messages
from roastwatch.roaster.guardian.guardian import Guardian
from roastwatch.roaster.guardian.safety_state import SafetyState
from roastwatch.roaster.guardian.states import LeaseState
from roastwatch.roaster.guardian.stop_record import StopRecord, heat_problem


def state_of(
    guard: SafetyState, guardian: Guardian, stop: StopRecord, now_s: float
) -> dict[str, Any]:
    """The state as JSON types; times in seconds of the monotonic clock."""
    situation = guard.situation(now_s)
    return {
        "at_s": now_s,
        "pid": os.getpid(),
        "controlled": situation.lease is LeaseState.HELD,
        "only_reads": guard.only_reads,
        "releasing": guardian.releasing,
        "connected": guard.machine.connected,
        "problem": guardian.problem,
        "wrong_machine": guardian.wrong_machine,
        "armed": situation.armed,
        "armed_for_s": guard.armed_until_s - now_s if guard.armed_until_s is not None else None,
        "emergency": guard.emergency,
        "stop": {"state": stop.state.value, "problem": stop.problem},
        "alarm": guard.alarms.alarm,
        "heat_off_s": situation.heat_off_s,
        "hot": situation.hot,
        "hotter": guard.machine.connected and guard.machine.history.hotter,
        "rising": guard.machine.rising(now_s),
        "safe": not guard.unsafe_pending,
        "heat_problem": heat_problem(guard, guardian.safe_since_s, guardian.problem),
        "left_safe": guard.machine.left_safe,
        "told": asdict(guard.machine.setpoints),
        "reading": messages.reading_to(guard.machine.history.newest),
        "doubts": guardian.doubts,
        "capabilities": messages.capabilities_to(guard.machine.capabilities),
    }
