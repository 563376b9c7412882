"""The screen all others are made of: it has room for what the app tells."""

from __future__ import annotations

from tui.patches import GuardedScreen
from tui.widgets.notices import NoticeLines


class ToldScreen(GuardedScreen):
    """Shows what the app tells in rows of its own at the bottom, in place of the keys there, as long as it lasts."""

    async def on_mount(self) -> None:
        # The class is Textual's mark for what stays when a screen is composed anew.
        await self.mount(NoticeLines(classes="-textual-system"))
        self.show_notices()

    def on_screen_resume(self) -> None:
        self.show_notices()

    def show_notices(self) -> None:
        """Show what the app has to tell if this is the screen on top, else nothing."""
        lines = self.query(NoticeLines)
        if lines:
            notices = getattr(self.app, "notices", ()) if self.is_current else ()
            self.set_class(bool(notices), "-told")
            lines.first().show(notices)
