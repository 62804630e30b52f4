"""What a command's sender is answered."""

from roastwatch.roaster.guardian.interlocks import Decision
from roastwatch.vocabulary import Command, CommandResult, Outcome


def expired(command: Command, told: float | None) -> CommandResult:
    """It came too late."""
    return CommandResult(
        command.command_id,
        Outcome.EXPIRED,
        told,
        reason=f"The command was older than {command.valid_for_s:g} s when it arrived.",
    )


def busy(command: Command, told: float | None) -> CommandResult:
    """Another one is being carried out."""
    return CommandResult(
        command.command_id,
        Outcome.REFUSED,
        told,
        interlock="busy",
        reason="busy: another command is being carried out; try again.",
    )


def decided(command: Command, decision: Decision) -> CommandResult:
    """What the interlocks made of it."""
    return CommandResult(
        command.command_id,
        decision.outcome,
        decision.applied,
        decision.interlock,
        decision.reason,
    )
