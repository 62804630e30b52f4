"""Options of the recorder. Separate, so that reading settings imports no audio library."""

from pydantic import Field

from roastwatch.options import Options


class RecorderOptions(Options):
    """What is recorded, and how long it is kept. By default nothing is recorded."""

    roasts: bool = Field(False, description="Record whole roasts as FLAC (about 100 MB per hour).")
    clips: bool = Field(
        False, description="Record clips around detections, for `roastwatch learn`."
    )
    clip_s: float = Field(
        10.0,
        description="Seconds of a clip before the onset and after the detection.",
        ge=1,
        le=30,
    )
    keep_roasts: int | None = Field(
        50, description="Number of recorded roasts to keep; null: all.", ge=0
    )
    keep_clips: int | None = Field(
        500, description="Number of unlabelled clips to keep; null: all.", ge=0
    )
    keep_days: float | None = Field(None, description="Days to keep recordings; null: unlimited.")
    keep_mb: float | None = Field(
        10_000.0,
        description="Megabytes of roasts to keep, and the same of clips; null: unlimited.",
        ge=0,
    )
    keep_free_mb: float = Field(
        500.0,
        description="Megabytes of disk space to leave free for the roast log.",
        ge=0,
    )

    @property
    def wanted(self) -> bool:
        """Whether anything is recorded."""
        return self.roasts or self.clips
