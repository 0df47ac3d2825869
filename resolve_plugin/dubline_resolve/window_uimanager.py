"""The window in Resolve itself, by Fusion's UIManager: Studio, and the free edition before 19.1 (4)."""

from typing import Any, Callable, Dict

from dubline_resolve.view_model import WindowModel

INTERVAL = 200
"""Milliseconds between two looks at the engine."""
BAR = 32
"""Characters of the progress bar; UIManager has no such element (4)."""


class FusionWindow:
    """``run()`` shows the window and returns when it is closed; as `window_tk`."""

    def __init__(self, model: WindowModel, fusion: Any, bmd: Any, knocked: Callable[[], bool]) -> None:
        self.model = model
        self.fusion = fusion
        self.knocked = knocked
        self.ui = fusion.UIManager
        self.dispatcher = bmd.UIDispatcher(self.ui)
        # A window that was closed may be found again under its name (4), so each has its own.
        self.name = "DublineWindow"
        while self.ui.FindWindow(self.name) is not None:
            self.name += "1"
        self.shown: Dict[str, Any] = {}
        self.offered: Dict[str, int] = {}
        self.window = self.dispatcher.AddWindow(
            {"ID": self.name, "WindowTitle": "Dubline", "Geometry": [200, 80, 560, 780]},
            [self.ui.VGroup({"Spacing": 6}, self._rows())],
        )
        self.items = self.window.GetItems()
        self._draw()
        self._connect()

    def run(self) -> None:
        """Show it, and stay until it is closed."""
        timer = self.ui.Timer({"ID": "DublineTimer", "Interval": INTERVAL, "SingleShot": False})
        self.dispatcher.On.Timeout = self._tick  # the dispatcher has it, not the timer (4)
        timer.Start()
        try:
            self.window.Show()
            self.dispatcher.RunLoop()
        finally:
            timer.Stop()
            self.model.close()
            self.window.Hide()

    def _rows(self) -> Any:
        ui, rows = self.ui, []
        rows.append(ui.Label({"ID": "where", "Text": "", "Weight": 0, "WordWrap": True}))
        checks = []  # checks beside each other
        for field in self.model.fields:
            if field.kind == "check" and field.name.startswith("stem:"):
                checks.append(ui.CheckBox({"ID": field.name, "Text": field.label, "ToolTip": field.tip}))
                continue
            if checks:
                rows.append(ui.HGroup({"Weight": 0}, [self._label("Stems"), *checks]))
                checks = []
            rows.append(self._row(field))
        rows.append(ui.Label({"ID": "bar", "Text": "", "Weight": 0}))
        rows.append(ui.Label({"ID": "progress", "Text": "", "Weight": 0}))
        rows.append(ui.Label({"ID": "message", "Text": "", "Weight": 0, "WordWrap": True}))
        rows.append(ui.TextEdit({"ID": "remedy", "ReadOnly": True, "Weight": 1}))
        buttons = [ui.Button({"ID": name, "Text": label}) for name, label, _ in self.model.buttons()]
        rows.append(ui.HGroup({"Weight": 0}, buttons[:3]))
        rows.append(ui.HGroup({"Weight": 0}, buttons[3:]))
        return rows

    def _label(self, text: str) -> Any:
        return self.ui.Label({"Text": text, "Weight": 0, "MinimumSize": [130, 20]})

    def _row(self, field: Any) -> Any:
        ui, name = self.ui, field.name
        if field.kind == "check":
            return ui.CheckBox({"ID": name, "Text": field.label, "ToolTip": field.tip, "Weight": 0})
        if field.kind == "choice":
            parts = [ui.ComboBox({"ID": name, "ToolTip": field.tip, "Weight": 1})]
        else:
            parts = [
                ui.LineEdit({"ID": name, "PlaceholderText": field.tip, "ToolTip": field.tip, "Weight": 1})
            ]
        if field.kind in ("file", "folder"):
            parts.append(ui.Button({"ID": name + ":pick", "Text": "Choose", "Weight": 0}))
        return ui.HGroup({"Weight": 0}, [self._label(field.label), *parts])

    def _connect(self) -> None:
        on = self.window.On
        for field in self.model.fields:
            if field.kind == "choice":
                on[field.name].CurrentIndexChanged = self._chosen(field)
            elif field.kind == "check":
                on[field.name].Clicked = self._checked(field)
            else:
                on[field.name].TextEdited = self._typed(field)
            if field.kind in ("file", "folder"):
                on[field.name + ":pick"].Clicked = self._picked(field)
        for name, _, _ in self.model.buttons():
            on[name].Clicked = self._pressed(name)
        on[self.name].Close = self._closed

    def _chosen(self, field: Any) -> Callable[[Any], None]:
        def chosen(event: Any) -> None:
            index = self.items[field.name].CurrentIndex
            if isinstance(index, (int, float)) and 0 <= int(index) < len(field.options):
                self._answer(field.name, field.options[int(index)][0])

        return chosen

    def _checked(self, field: Any) -> Callable[[Any], None]:
        return lambda event: self._answer(field.name, bool(self.items[field.name].Checked))

    def _typed(self, field: Any) -> Callable[[Any], None]:
        return lambda event: self._answer(field.name, str(self.items[field.name].Text or ""))

    def _picked(self, field: Any) -> Callable[[Any], None]:
        def picked(event: Any) -> None:
            path = self.fusion.RequestDir() if field.kind == "folder" else self.fusion.RequestFile()
            if path:
                self._answer(field.name, str(path))
                self._draw()

        return picked

    def _answer(self, name: str, value: Any) -> None:
        self.shown[name] = value  # as the window has it already
        self.model.set(name, value)

    def _pressed(self, name: str) -> Callable[[Any], None]:
        def pressed(event: Any) -> None:
            self.model.act(name)
            self._draw()

        return pressed

    def _closed(self, event: Any) -> None:
        self.model.close()
        self.dispatcher.ExitLoop()

    def _tick(self, event: Any) -> None:
        self.model.tick()
        if self.model.closed:
            self.dispatcher.ExitLoop()
            return
        if self.knocked():
            self.window.Show()
            self.window.Raise()
        self._draw()

    def _draw(self) -> None:
        """Set what has changed since the last time, and nothing else: a cursor stays where it is."""
        view = self.model.view()
        for field in self.model.fields:
            value = view["fields"][field.name]
            if field.kind == "choice":
                keys = [key for key, _ in field.options]
                # Added, never cleared first: a list that is emptied would announce another choice.
                new = [label for _, label in field.options[self.offered.get(field.name, 0) :]]
                if new:
                    self.items[field.name].AddItems(new)
                    self.offered[field.name] = len(keys)
                self._set(field.name, "CurrentIndex", value, keys.index(value))
            else:
                self._set(field.name, "Checked" if field.kind == "check" else "Text", value, value)
        for name, enabled in view["buttons"].items():
            self._set(name, "Enabled", enabled, enabled)
        fraction = view["fraction"]
        filled = round((fraction or 0.0) * BAR)
        bar = "" if fraction is None else "\u2588" * filled + "\u2591" * (BAR - filled)
        remedy = "\n".join([view["remedy"]] * bool(view["remedy"]) + view["notes"])
        where = "\n".join(filter(None, (view["where"], view["will"])))
        for name, text in (("bar", bar), ("where", where), ("message", view["message"])):
            self._set(name, "Text", text, text)
        self._set("progress", "Text", view["progress"], view["progress"])
        self._set("remedy", "PlainText", remedy, remedy)

    def _set(self, name: str, attribute: str, value: Any, as_shown: Any) -> None:
        if name not in self.shown or self.shown[name] != value:
            self.shown[name] = value
            setattr(self.items[name], attribute, as_shown)
