"""Who is notified on a phone."""

from pydantic import Field

from roastwatch.options import Options
from roastwatch.sinks.home_assistant.options import HomeAssistantOptions
from roastwatch.sinks.phone.alerts import PersonOptions


class PhoneOptions(Options):
    """Who is notified on a phone."""

    people: tuple[PersonOptions, ...] = Field((), description="One entry for each person.")
    home_assistant: HomeAssistantOptions | None = Field(
        None, description="Needed for companion apps only."
    )
    retry_after_s: float = Field(
        2.0, gt=0, description="Seconds until a failed alert is retried; doubles up to 60."
    )
