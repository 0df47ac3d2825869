"""What a script sees: handles with the documented methods and nothing else (section 9, rule 1)."""

import inspect


class ResolveCrashed(BaseException):
    """Resolve has gone. A BaseException: no ``except Exception`` of a script may hide it."""


class NotModelled(BaseException):
    """A documented method that the simulator does not play: a test must not lean on an invented answer."""


class Constant:
    """An enum value of the live ``resolve`` object: opaque, no text (9.4)."""

    __slots__ = ("_name",)

    def __init__(self, name):
        self._name = name

    def __repr__(self):
        return f"<{self._name}>"


class Thing:
    """A real object of the simulated Resolve. Its documented methods carry the documented names."""

    kind = ""

    def __init__(self, world):
        self.world = world
        self.uid = world.new_uid()

    def alive(self):
        """False once the object, or the project it lies in, has gone: its handles are stale (9.5)."""
        return True

    def session(self):
        """Which opening of its project the object belongs to; 0 for what lies in no project."""
        project = getattr(self, "project", None)
        return project.opened if project is not None else 0

    def GetUniqueId(self):
        return self.uid


class Method:
    """What the table says of one documented method."""

    __slots__ = ("answer", "least", "most", "name", "since", "studio")

    def __init__(self, name, answer, least, most, since, studio):
        self.name = name
        self.answer = answer
        self.least = least
        self.most = most
        self.since = since
        self.studio = studio

    def refusal(self):
        """Bad arguments raise nothing in Resolve; they answer like this (9.1)."""
        return {"bool": False, "list": [], "text": "", "dict": {}}.get(self.answer)


class Handle:
    """One answer of Resolve. Asking twice gives two handles: GetUniqueId tells what is the same (9.5)."""

    __slots__ = ("_session", "_thing")

    def __init__(self, thing):
        object.__setattr__(self, "_thing", thing)
        object.__setattr__(self, "_session", thing.session())

    def __getattribute__(self, name):
        if name.startswith("__") and name.endswith("__"):
            return object.__getattribute__(self, name)
        thing = object.__getattribute__(self, "_thing")
        world = thing.world
        constant = world.constant(thing.kind, name)
        if constant is not None:
            return constant
        method = world.methods(thing.kind).get(name)
        if method is None:
            world.unknown.append(f"{thing.kind}.{name}")
            return None  # 9.1: no AttributeError, hence hasattr is always True
        return Call(thing, method, object.__getattribute__(self, "_session"))

    def __setattr__(self, name, value):
        raise AttributeError(f"a Resolve object takes no attribute: {name}")

    def __dir__(self):
        thing = object.__getattribute__(self, "_thing")
        return sorted(thing.world.methods(thing.kind))

    def __repr__(self):
        return "{} (0x0000)".format(object.__getattribute__(self, "_thing").kind)


class Call:
    """A documented method of one object, positional arguments only."""

    __slots__ = ("_method", "_session", "_thing")

    def __init__(self, thing, method, session):
        self._thing = thing
        self._method = method
        self._session = session

    def __call__(self, *args, **named):
        thing, method, world = self._thing, self._method, self._thing.world
        title = f"{thing.kind}.{method.name}"
        world.begin(title)
        if named:
            world.violate(1, "{} takes no keyword arguments: {}".format(title, ", ".join(sorted(named))))
            raise TypeError(f"{method.name}() takes no keyword arguments")
        if not method.least <= len(args) <= method.most:
            world.violate(1, f"{title} was given {len(args)} arguments")
            return method.refusal()
        if method.studio and not world.profile.studio:
            world.modal = True
            world.violate(3, f"{title} needs Studio; the free edition opens a dialog")
            return False
        reads = method.name.startswith(("Get", "Is"))
        if world.modal and not reads:
            return method.refusal()  # 9.3
        if self._session != thing.session() or not thing.alive():
            world.stale.append(title)
            if world.faults.stale_raises:
                raise AttributeError(f"stale object: {title}")
            return None
        if world.refuses(title):
            return method.refusal()
        play = getattr(thing, method.name, None)
        if play is None:
            raise NotModelled(f"{title} is documented, but the simulator does not play it")
        given = [reveal(arg) for arg in args]
        return cover(play(*given))


def reveal(value):
    """Handles in ``value`` become the things behind them."""
    if isinstance(value, Handle):
        return object.__getattribute__(value, "_thing")
    if isinstance(value, (list, tuple)):
        return [reveal(one) for one in value]
    if isinstance(value, dict):
        return {key: reveal(one) for key, one in value.items()}
    return value


def cover(value):
    """Things in ``value`` become fresh handles; lists and dicts are copies."""
    if isinstance(value, Thing):
        return Handle(value)
    if isinstance(value, (list, tuple)):
        return [cover(one) for one in value]
    if isinstance(value, dict):
        return {key: cover(one) for key, one in value.items()}
    return value


def whole(value):
    """True for a number that Resolve takes as a count or an index."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value)


def read_table(text):
    """``{name: [Method]}`` of lines ``Name answer least-most [since=20.2] [studio]``; later lines win."""
    table = {}
    for line in inspect.cleandoc(text).splitlines():
        words = line.split()
        if not words:
            continue
        least, _, most = words[2].partition("-")
        since, studio = (0,), False
        for word in words[3:]:
            if word == "studio":
                studio = True
            else:
                since = tuple(int(part) for part in word.partition("=")[2].split("."))
        upper = 10000 if most == "*" else int(most or least)
        table.setdefault(words[0], []).append(Method(words[0], words[1], int(least), upper, since, studio))
    return table


def methods_of(table, profile):
    """The methods of one class that this version has."""
    methods = {}
    for name, versions in table.items():
        for method in versions:
            if profile.since(method.since):
                methods[name] = method
    return methods
