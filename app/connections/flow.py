"""Pressure back to a client whose requests wait."""

from uvicorn.protocols.http.flow_control import FlowControl


class HeldFlow(FlowControl):
    """Reads on only when all that has come is parsed."""

    is_holding = False

    def resume_reading(self) -> None:
        """Read on, unless something is held."""
        if not self.is_holding:
            super().resume_reading()
