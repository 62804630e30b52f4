"""What a person can set of recording; apart, so that reading settings imports no sound library."""

from pydantic import Field

from roastwatch.options import Options


class RecorderOptions(Options):
    """What is recorded, and how long it is kept. Nothing is recorded unless it is asked for."""

    roasts: bool = Field(False, description="Record whole roasts as FLAC (some 100 MB an hour).")
    clips: bool = Field(False, description="Keep the sound round every decision, to learn from.")
    clip_s: float = Field(
        10.0,
        description="Seconds that a clip keeps before the onset and after the decision.",
        ge=1,
        le=30,
    )
    keep_roasts: int | None = Field(50, description="Newest recorded roasts to keep.", ge=0)
    keep_clips: int | None = Field(500, description="Newest unlabelled clips to keep.", ge=0)
    keep_days: float | None = Field(None, description="Days to keep recordings; null: for ever.")
    keep_mb: float | None = Field(
        10_000.0, description="Megabytes of roasts, and of clips, to keep.", ge=0
    )
    keep_free_mb: float = Field(
        500.0, description="Megabytes that stay free on the disk for the roast log.", ge=0
    )

    @property
    def wanted(self) -> bool:
        """Whether anything is recorded."""
        return self.roasts or self.clips
