"""The window in our own process, by tkinter: where Resolve gives no windows, and without Resolve."""

from typing import Any, Callable, Dict

from dubline_resolve.view_model import WindowModel

INTERVAL = 200
"""Milliseconds between two looks at the engine."""


class TkWindow:
    """``run()`` shows the window and returns when it is closed; ``knocked`` says when to come to the front.

    ImportError where this Python has no tkinter, tkinter.TclError where there is no screen.
    """

    def __init__(self, model: WindowModel, knocked: Callable[[], bool]) -> None:
        import tkinter
        from tkinter import ttk

        self.model = model
        self.knocked = knocked
        self.tk = tkinter
        self.ttk = ttk
        # Named, since Tk would look for a name in sys.argv, which is empty in here (5).
        self.root = tkinter.Tk(baseName="dubline", className="Dubline")
        self.root.title("Dubline")
        self.root.minsize(520, 480)
        self.root.protocol("WM_DELETE_WINDOW", self._close)
        self.values: Dict[str, Any] = {}
        self.texts: Dict[str, Any] = {}
        self.buttons: Dict[str, Any] = {}
        self.combos: Dict[str, Any] = {}
        self.shown: Dict[str, Any] = {}
        self._build()
        self._draw()

    def run(self) -> None:
        """Show it, and stay until it is closed."""
        self.root.after(INTERVAL, self._tick)
        try:
            self.root.mainloop()
        finally:
            self.model.close()

    def _build(self) -> None:
        ttk = self.ttk
        frame = ttk.Frame(self.root, padding=12)
        frame.pack(fill="both", expand=True)
        frame.columnconfigure(1, weight=1)
        self.texts["where"] = ttk.Label(frame, wraplength=500)
        self.texts["where"].grid(row=0, column=0, columnspan=3, sticky="w", pady=(0, 8))
        row, stems = 1, None
        for field in self.model.fields:
            if field.name.startswith("stem:"):
                if stems is None:
                    ttk.Label(frame, text="Stems").grid(row=row, column=0, sticky="w", pady=2)
                    stems = ttk.Frame(frame)
                    stems.grid(row=row, column=1, columnspan=2, sticky="w")
                    row += 1
                self._check(stems, field).pack(side="left")
                continue
            if field.kind == "check":
                self._check(frame, field).grid(row=row, column=1, columnspan=2, sticky="w")
            else:
                ttk.Label(frame, text=field.label).grid(row=row, column=0, sticky="w", padx=(0, 8))
                self._entry(frame, field, row)
            row += 1
        self.bar = ttk.Progressbar(frame, maximum=1000)
        self.bar.grid(row=row, column=0, columnspan=3, sticky="ew", pady=(8, 0))
        for name in ("progress", "message", "remedy"):
            row += 1
            self.texts[name] = ttk.Label(frame, wraplength=500)
            self.texts[name].grid(row=row, column=0, columnspan=3, sticky="w")
        frame.rowconfigure(row, weight=1)
        strip = ttk.Frame(frame)
        strip.grid(row=row + 1, column=0, columnspan=3, sticky="ew", pady=(8, 0))
        for name, label, _ in self.model.buttons():
            self.buttons[name] = ttk.Button(strip, text=label, command=self._pressed(name))
            self.buttons[name].pack(side="left")

    def _check(self, parent: Any, field: Any) -> Any:
        value = self.values[field.name] = self.tk.BooleanVar(self.root)
        return self.ttk.Checkbutton(
            parent,
            text=field.label,
            variable=value,
            command=lambda: self._answer(field.name, bool(value.get())),
        )

    def _entry(self, frame: Any, field: Any, row: int) -> None:
        value = self.values[field.name] = self.tk.StringVar(self.root)
        if field.kind == "choice":
            made = self.ttk.Combobox(frame, textvariable=value, state="readonly")
            made.bind("<<ComboboxSelected>>", self._chosen(field))
            self.combos[field.name] = made
        else:
            made = self.ttk.Entry(frame, textvariable=value)
            made.bind("<KeyRelease>", lambda event: self._answer(field.name, value.get()))
            made.bind("<FocusOut>", lambda event: self._answer(field.name, value.get()))
        picks = field.kind in ("file", "folder")
        made.grid(row=row, column=1, columnspan=1 if picks else 2, sticky="ew", pady=2)
        if picks:
            pick = self.ttk.Button(frame, text="Choose", command=self._picked(field))
            pick.grid(row=row, column=2, padx=(4, 0))

    def _chosen(self, field: Any) -> Callable[[Any], None]:
        return lambda event: self._answer(field.name, field.options[self.combos[field.name].current()][0])

    def _picked(self, field: Any) -> Callable[[], None]:
        def picked() -> None:
            from tkinter import filedialog

            ask = filedialog.askdirectory if field.kind == "folder" else filedialog.askopenfilename
            path = ask(parent=self.root)
            if path:
                self.model.set(field.name, str(path))
                self._draw()

        return picked

    def _answer(self, name: str, value: Any) -> None:
        self.shown[name] = value
        self.model.set(name, value)

    def _pressed(self, name: str) -> Callable[[], None]:
        def pressed() -> None:
            self.model.act(name)
            self._draw()

        return pressed

    def _close(self) -> None:
        self.model.close()
        self.root.destroy()

    def _tick(self) -> None:
        self.model.tick()
        if self.model.closed:
            self.root.destroy()
            return
        if self.knocked():
            self.root.deiconify()
            self.root.lift()
            self.root.focus_force()
        self._draw()
        self.root.after(INTERVAL, self._tick)

    def _draw(self) -> None:
        """Set what has changed since the last time, and nothing else: a cursor stays where it is."""
        view = self.model.view()
        for field in self.model.fields:
            value = view["fields"][field.name]
            labels = dict(field.options)
            if field.kind == "choice" and len(self.combos[field.name].cget("values")) != len(labels):
                self.combos[field.name].configure(values=list(labels.values()))
            if field.name in self.shown and self.shown[field.name] == value:
                continue
            self.shown[field.name] = value
            self.values[field.name].set(labels[value] if field.kind == "choice" else value)
        for name, enabled in view["buttons"].items():
            self.buttons[name].state(["!disabled" if enabled else "disabled"])
        self.texts["where"].configure(text="\n".join(filter(None, (view["where"], view["will"]))))
        for name in ("progress", "message"):
            self.texts[name].configure(text=view[name])
        self.texts["remedy"].configure(text="\n".join([view["remedy"], *view["notes"]]).strip())
        self.bar.configure(value=1000 * (view["fraction"] or 0.0))
