"""Widgets, their attributes and events (section 4). An unknown name is a mistake of the script."""

COMMON = set(
    "ID Enabled Hidden Visible Font ToolTip StyleSheet "
    "MinimumSize MaximumSize FixedSize Geometry Weight".split()
)
PRESSED = "Clicked Toggled Pressed Released"
SPUN = "ValueChanged EditingFinished"
WIDGETS = {  # attributes beyond the common ones, events, methods
    "Label": ("Text Alignment WordWrap Indent Margin OpenExternalLinks", "", ""),
    "Button": ("Text Checkable Checked Flat Icon IconSize Default AutoDefault", PRESSED, ""),
    "CheckBox": ("Text Checkable Checked Tristate CheckState", PRESSED, ""),
    "ComboBox": (
        "ItemText Editable CurrentIndex CurrentText Count MaxVisibleItems",
        "CurrentIndexChanged CurrentTextChanged TextEdited EditTextChanged EditingFinished Activated",
        "AddItem AddItems InsertItem RemoveItem Clear SetCurrentText",
    ),
    "SpinBox": ("Value Minimum Maximum SingleStep Prefix Suffix ReadOnly", SPUN, ""),
    "DoubleSpinBox": ("Value Minimum Maximum SingleStep Decimals Prefix Suffix", SPUN, ""),
    "Slider": ("Value Minimum Maximum Orientation Tracking", "ValueChanged SliderMoved ActionTriggered", ""),
    "LineEdit": (
        "Text PlaceholderText ReadOnly MaxLength EchoMode ClearButtonEnabled",
        "TextChanged TextEdited EditingFinished ReturnPressed SelectionChanged",
        "Clear SelectAll",
    ),
    "TextEdit": (
        "Text PlainText HTML PlaceholderText ReadOnly LineWrapMode TabStopWidth",
        "TextChanged SelectionChanged CursorPositionChanged",
        "Append InsertPlainText InsertHTML Clear MoveCursor",
    ),
    "TabBar": ("CurrentIndex Count Expanding", "CurrentChanged", "AddTab InsertTab RemoveTab"),
    "Stack": ("CurrentIndex", "CurrentChanged", "AddChild"),
    "Tree": (
        "ColumnCount SortingEnabled HeaderHidden ColumnWidth RootIsDecorated AlternatingRowColors "
        "SelectionMode",
        "ItemClicked ItemDoubleClicked ItemChanged ItemSelectionChanged CurrentItemChanged",
        "AddTopLevelItem AddTopLevelItems NewItem SetHeaderLabels SetHeaderItem Clear CurrentItem "
        "TopLevelItem TopLevelItemCount",
    ),
    "Icon": ("File", "", ""),
    "Font": ("Family PixelSize PointSize Bold Italic MonoSpaced StyleName", "", ""),
    "ColorPicker": ("Text Color Tracking DoAlpha", "ColorChanged", ""),
    "Timer": ("Interval SingleShot RemainingTime IsActive TimerType", "Timeout", "Start Stop"),
    "HGroup": ("Spacing Margin ContentsMargins", "", "AddChild RemoveChild"),
    "VGroup": ("Spacing Margin ContentsMargins", "", "AddChild RemoveChild"),
    "HGap": ("", "", ""),
    "VGap": ("", "", ""),
    "Window": (
        "WindowTitle WindowFlags WindowModality Spacing Margin Events TargetID WindowOpacity",
        "Close Show Hide Resize Move KeyPress KeyRelease MousePress",
        "Show Hide Close Raise ActivateWindow Find GetItems GetChildren RecalcLayout Update SetTabOrder",
    ),
}  # fmt: skip
DEFAULTS = {
    "Text": "", "PlainText": "", "Checked": False, "Enabled": True, "Hidden": False, "Visible": True,
    "CurrentIndex": 0, "CurrentText": "", "Value": 0, "Minimum": 0, "Maximum": 100, "Interval": 1000,
    "SingleShot": False, "StyleSheet": "", "ToolTip": "", "WindowTitle": "",
}  # fmt: skip
CHANGED = {  # 4: a value set by the script is announced too, at the next turn of the loop
    ("ComboBox", "CurrentIndex"): "CurrentIndexChanged",
    ("LineEdit", "Text"): "TextChanged",
    ("TextEdit", "PlainText"): "TextChanged",
    ("SpinBox", "Value"): "ValueChanged",
    ("Slider", "Value"): "ValueChanged",
    ("CheckBox", "Checked"): "Toggled",
    ("TabBar", "CurrentIndex"): "CurrentChanged",
}


class Events:
    """``win.On.Start``: handlers of one element, set as attributes or as items."""

    def __init__(self, desk, sort, name):
        object.__setattr__(self, "_about", (desk, sort, name))
        object.__setattr__(self, "_handlers", {})

    def __setattr__(self, event, handler):
        desk, sort, name = self._about
        if sort and event not in WIDGETS[sort][1].split():
            desk.world.violate(22, f"{sort} {name} has no event {event}")
        self._handlers[event] = handler

    __setitem__ = __setattr__

    def __getattr__(self, event):
        return self._handlers.get(event)

    __getitem__ = __getattr__


class Handlers:
    """``win.On`` and ``disp.On``."""

    def __init__(self, desk, find):
        object.__setattr__(self, "_desk", desk)
        object.__setattr__(self, "_find", find)
        object.__setattr__(self, "_tables", {})

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._tables:
            element = self._find(name)
            if element is None:
                self._desk.world.violate(22, f"handlers for {name}, which no element is called")
            self._tables[name] = Events(self._desk, element.sort if element else "", name)
        return self._tables[name]

    __getitem__ = __getattr__

    def __setattr__(self, name, handler):
        self._tables[name] = handler  # disp.On.Timeout = handler


class Element:
    """A widget, group, timer or window."""

    def __init__(self, desk, sort, attributes, children):
        put = object.__setattr__
        put(self, "desk", desk)
        put(self, "sort", sort)
        put(self, "values", {})
        put(self, "children", list(children))
        put(self, "entries", [])
        put(self, "window", None)
        for name, value in attributes.items():
            if name == "Events" or name in self._known():
                self.values[name] = value
            else:
                desk.world.violate(22, f"{sort} has no attribute {name}")

    def _known(self):
        return COMMON | set(WIDGETS[self.sort][0].split())

    def __setattr__(self, name, value):
        if name not in self._known():
            self.desk.world.violate(22, f"{self.sort} has no attribute {name}")
            return
        before = self.__getattr__(name)
        self.values[name] = value
        if self.sort == "ComboBox" and name in ("CurrentIndex", "CurrentText"):
            self._choose(name, value)
        event = CHANGED.get((self.sort, name))
        if event and before != value:
            self.desk.queue.append((self, event))

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name in WIDGETS[self.sort][2].split():
            return lambda *args: self._act(name, args)
        if name == "Count":
            return len(self.entries)
        if name == "IsActive":
            return self.values.get("active", False)
        return self.values.get(name, DEFAULTS.get(name) if name in self._known() else None)

    def _choose(self, name, value):
        if name == "CurrentText" and value in self.entries:
            self.values["CurrentIndex"] = self.entries.index(value)
        elif name == "CurrentIndex" and isinstance(value, int) and 0 <= value < len(self.entries):
            self.values["CurrentText"] = self.entries[value]

    def _act(self, name, args):
        if name in ("AddItem", "AddTab"):
            self.entries.append(args[0])
            if len(self.entries) == 1:
                self.values.update(CurrentIndex=0, CurrentText=args[0])
        elif name == "AddItems":
            for entry in args[0]:
                self._act("AddItem", (entry,))
        elif name == "SetCurrentText":
            self._choose("CurrentText", args[0])
        elif name == "RemoveItem":
            del self.entries[args[0]]
        elif name == "Clear":
            del self.entries[:]
            self.values.update(Text="", PlainText="", CurrentText="", CurrentIndex=-1)
        elif name in ("Append", "InsertPlainText"):
            text = self.values.get("PlainText", "")
            line = str(args[0])
            self.values["PlainText"] = text + ("\n" if text and name == "Append" else "") + line
        elif name in ("Start", "Stop"):
            self.values["active"] = name == "Start"
        elif name == "NewItem":
            return TreeItem()
        elif name in ("AddTopLevelItem", "AddTopLevelItems"):
            self.entries.extend(args[0] if name.endswith("s") else [args[0]])
        elif name == "TopLevelItem":
            return self.entries[args[0]]
        elif name == "TopLevelItemCount":
            return len(self.entries)
        elif name == "AddChild":
            self.children.append(args[0])
        elif self.sort == "Window":
            return self._window_act(name, args)
        return None

    def _window_act(self, name, args):
        if name in ("Show", "Hide", "Close"):
            self.values["shown"] = name == "Show"
            if name == "Close":
                self.desk.queue.append((self, "Close"))
        elif name == "Find":
            return self.named(args[0])
        elif name == "GetItems":
            return {element.values["ID"]: element for element in self.family() if element.values.get("ID")}
        return None

    def family(self):
        elements = [self]
        for child in self.children:
            elements += child.family()
        return elements

    def named(self, name):
        elements = [element for element in self.family() if element.values.get("ID") == name]
        return elements[0] if elements else None


class TreeItem:
    """A row of a tree."""

    def __init__(self):
        self.Text = {}
        self.CheckState = {}
        self.rows = []

    def AddChild(self, row):
        self.rows.append(row)
