"""UIManager, dispatcher and timers, driven by a scripted user (section 4; section 9, rule 22)."""

import time
import traceback

from resolve_simulator.widgets import WIDGETS, Element, Handlers


class LoopNeverEnded(BaseException):
    """The user has gone and RunLoop would hang for ever."""


class Desk:
    """The window system: what the scripted user sees and does.

    ``steps``, done one after the other by RunLoop: ("click", id), ("check", id, bool), ("type", id, text),
    ("choose", id, text or index), ("value", id, number), ("close", window id), ("tick", times: fires the
    timers), ("until", id, attribute, wanted, most ticks: ticks until the attribute holds the text or equals
    the value), ("call", function). ``picks``: answers of the file dialogs, in order.
    """

    def __init__(self, world):
        self.world = world
        self.steps = []
        self.picks = []
        self.windows = []
        self.timers = []
        self.queue = []
        self.failures = []
        self.between = 0.02  # seconds between two ticks of "until": a child process may be at work
        self.depth = 0
        self.leaving = False
        self.dispatcher = None

    def window(self, name):
        windows = [window for window in self.windows if window.values.get("ID") == name]
        return windows[-1] if windows else None

    def named(self):
        """Every element that has an ID, by it; of two windows' elements the later one."""
        family = [element for window in self.windows for element in window.family()]
        return {element.values["ID"]: element for element in family if element.values.get("ID")}

    def element(self, name):
        for window in reversed(self.windows):
            element = window.named(name)
            if element is not None:
                return element
        raise LoopNeverEnded(f"the user finds no element {name}")

    def announce(self, element, event):
        window = element.window
        handler = None
        if element.sort == "Timer":
            handler = self.dispatcher.On._tables.get("Timeout")  # 4: one handler for all timers
        elif window is not None:
            table = window.values["On"]._tables.get(element.values.get("ID"))
            handler = table._handlers.get(event) if table is not None else None
        if handler is None:
            return
        message = {"who": element.values.get("ID", ""), "what": event, "sender": element, "window": window}
        try:
            handler(message)
        except Exception:
            self.failures.append(traceback.format_exc())  # the loop lives on, the console has the trace

    def deliver(self):
        while self.queue and not self.leaving:
            element, event = self.queue.pop(0)
            self.announce(element, event)

    def tick(self):
        for timer in list(self.timers):
            if timer.values.get("active") and not self.leaving:
                if timer.SingleShot:
                    timer.values["active"] = False
                self.announce(timer, "Timeout")
                self.deliver()

    def take(self, step):
        what = step[0]
        if what == "tick":
            for _ in range(step[1]):
                self.tick()
            return
        if what == "call":
            step[1]()
            return
        if what == "until":
            self._until(*step[1:])
            return
        if what == "close":
            window = self.window(step[1])
            if window is None or not window.values.get("shown"):
                raise LoopNeverEnded(f"the user finds no window {step[1]}")
            self.announce(window, "Close")
            window.values["shown"] = False
            if not self.leaving and not any(w.values.get("shown") for w in self.windows):
                self.world.violate(22, f"{step[1]} closed without ExitLoop")
                raise LoopNeverEnded("every window is closed and the loop runs on")
            return
        self._use(what, self.element(step[1]), step[2:])

    def _use(self, what, element, args):
        if element.Enabled is False or element.Hidden is True or not element.window.values.get("shown"):
            raise LoopNeverEnded("the user cannot reach {}".format(element.values.get("ID")))
        if what == "click":
            events = ["Pressed", "Released", "Clicked"]
            if element.sort == "CheckBox" or element.Checkable:
                element.Checked = not element.Checked
            for event in events:
                self.announce(element, event)
        elif what == "check":
            if element.Checked != args[0]:
                self._use("click", element, ())
        elif what == "type":
            setattr(element, "PlainText" if element.sort == "TextEdit" else "Text", args[0])
            self.announce(element, "TextEdited")
            self.deliver()
            self.announce(element, "EditingFinished")
        elif what == "choose":
            index = element.entries.index(args[0]) if isinstance(args[0], str) else args[0]
            element.CurrentIndex = index
        elif what == "value":
            element.Value = args[0]
        else:
            raise ValueError(f"the user cannot {what}")

    def _until(self, name, attribute, target, most=500):
        for _ in range(most):
            value = getattr(self.element(name), attribute)
            if (target in str(value)) if isinstance(target, str) else value == target:
                return
            self.tick()
            if self.leaving:
                return
            time.sleep(self.between)
        value = getattr(self.element(name), attribute)
        raise LoopNeverEnded(f"{name}.{attribute} is {value!r}, never {target!r}")


class UIManager:
    """``fusion.UIManager``, which some call and some do not."""

    def __init__(self, desk):
        self._desk = desk

    def __call__(self):
        return self

    def FindWindow(self, name):
        return self._desk.window(name)

    def QueueEvent(self, element, event, info=None):
        self._desk.queue.append((element, event))

    def __getattr__(self, sort):
        if sort.startswith("__"):
            raise AttributeError(sort)
        if sort not in WIDGETS or sort == "Window":
            self._desk.world.unknown.append(f"UIManager.{sort}")
            return None

        def make(*parts):
            attributes, children = {}, []
            for part in parts:
                if isinstance(part, dict):
                    attributes.update(part)
                elif isinstance(part, (list, tuple)):
                    children += part
                elif isinstance(part, (int, float)) and sort.endswith("Gap"):
                    continue
                elif isinstance(part, Element):
                    children.append(part)
                else:
                    self._desk.world.violate(22, f"{sort} built from {part!r}")
            element = Element(self._desk, sort, attributes, children)
            if sort == "Timer":
                self._desk.timers.append(element)
            return element

        return make


class Dispatcher:
    """``bmd.UIDispatcher(ui)``."""

    def __init__(self, desk):
        self._desk = desk
        self._code = 0
        self.On = Handlers(desk, lambda name: None)
        desk.dispatcher = self

    def AddWindow(self, attributes, children=()):
        desk = self._desk
        name = attributes.get("ID", "")
        if name and desk.window(name) is not None:
            desk.world.violate(22, f"a second window called {name}")  # 4
        window = Element(
            desk, "Window", attributes, children if isinstance(children, (list, tuple)) else [children]
        )
        window.values["On"] = Handlers(desk, window.named)
        names = [element.values["ID"] for element in window.family() if element.values.get("ID")]
        for double in sorted(set(one for one in names if names.count(one) > 1)):
            desk.world.violate(22, f"two elements called {double}")
        for element in window.family():
            object.__setattr__(element, "window", window)
        desk.windows.append(window)
        return window

    AddDialog = AddWindow

    def RunLoop(self):
        desk = self._desk
        if desk.depth:
            desk.world.violate(22, "a RunLoop inside a RunLoop")  # 4: fragile
        desk.depth += 1
        desk.leaving = False
        try:
            while not desk.leaving:
                desk.deliver()
                if desk.leaving:
                    break
                if not desk.steps:
                    raise LoopNeverEnded("the user has done everything and the loop runs on")
                desk.take(desk.steps.pop(0))
        finally:
            desk.depth -= 1
        return self._code

    def ExitLoop(self, code=0):
        self._code = code
        self._desk.leaving = True

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return None


class Fusion:
    """``fusion`` and ``fu``. Not a Resolve object, yet unknown names are None here as well."""

    def __init__(self, world):
        self._world = world
        self._prefs = {}
        self.desk = Desk(world)

    @property
    def UIManager(self):
        if not self._world.profile.ui_manager:
            self._world.modal = True  # 0.2: a dialog that sells Studio
            return None
        return UIManager(self.desk)

    def GetResolve(self):
        return self._world.resolve

    def _pick(self):
        return self.desk.picks.pop(0) if self.desk.picks else None

    def RequestFile(self, *args):
        return self._pick()

    def RequestDir(self, *args):
        return self._pick()

    def SetPrefs(self, name, value):
        self._prefs[name] = value
        return True

    def GetPrefs(self, name):
        return self._prefs.get(name)

    def SavePrefs(self):
        return True

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        self._world.unknown.append(f"Fusion.{name}")
        return None


class Bmd:
    """``bmd``."""

    def __init__(self, world):
        self._world = world

    def scriptapp(self, name):
        return {"Resolve": self._world.resolve, "Fusion": self._world.fusion}.get(name)

    def UIDispatcher(self, ui):
        if not isinstance(ui, UIManager):
            return None
        return Dispatcher(self._world.fusion.desk)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        self._world.unknown.append(f"bmd.{name}")
        return None
