"""The render queue (1.3, 1.7; section 9, rule 20)."""

import os
import wave

from resolve_simulator.surface import whole

STATUS = {  # 9.20: the words follow the language of the interface
    "en": ("Ready", "Rendering", "Complete", "Failed", "Cancelled"),
    "de": ("Bereit", "Wird gerendert", "Abgeschlossen", "Fehlgeschlagen", "Abgebrochen"),
    "ja": ("準備完了", "レンダリング中", "完了", "失敗", "キャンセル"),
}
READY, RUNNING, DONE, FAILED, CANCELLED = range(5)


class Job:
    def __init__(self, name, timeline, settings, lag):
        self.name = name
        self.timeline = timeline
        self.settings = settings
        self.state = READY
        self.left = 0
        self.whole = 1
        self.error = ""
        self.lag = lag


class Rendering:
    """The Deliver page of one project."""

    DOCUMENTED = [
        "AddRenderJob",
        "DeleteRenderJob",
        "DeleteAllRenderJobs",
        "GetRenderJobList",
        "GetRenderPresetList",
        "StartRendering",
        "StopRendering",
        "IsRenderingInProgress",
        "LoadRenderPreset",
        "SaveAsNewRenderPreset",
        "DeleteRenderPreset",
        "SetRenderSettings",
        "GetRenderJobStatus",
        "GetRenderFormats",
        "GetRenderCodecs",
        "GetCurrentRenderFormatAndCodec",
        "SetCurrentRenderFormatAndCodec",
        "GetCurrentRenderMode",
        "SetCurrentRenderMode",
    ]

    def __init__(self, project):
        self.project = project
        self.world = project.world
        self.presets = ["H.264 Master", "Audio Only", "YouTube - 1080p"]
        self.preset = ""
        self.format = {"format": "mp4", "codec": "H264"}
        self.mode = 1
        self.settings = {}
        self.jobs = []

    def _job(self, name):
        jobs = [job for job in self.jobs if job.name == name]
        return jobs[0] if jobs else None

    def GetRenderPresetList(self):
        return list(self.presets)

    def LoadRenderPreset(self, name):
        if name not in self.presets:
            return False
        self.preset = name
        self.format = {"format": "wav", "codec": "lpcm"} if name == "Audio Only" else self.format
        return True

    def SaveAsNewRenderPreset(self, name):
        if not isinstance(name, str) or name in self.presets:
            return False
        self.presets.append(name)
        return True

    def DeleteRenderPreset(self, name):
        if name not in self.presets:
            return False
        self.presets.remove(name)
        return True

    def SetRenderSettings(self, settings):
        if not isinstance(settings, dict) or not all(isinstance(key, str) for key in settings):
            return False
        self.settings.update(settings)  # 9.20: unknown keys are taken too; all lie on what was there
        return True

    def GetRenderFormats(self):
        return {"QuickTime": "mov", "MP4": "mp4", "Wave": "wav"}

    def GetRenderCodecs(self, name):
        return {"H.264": "H264", "H.265": "H265"} if name in ("mov", "mp4") else {}  # 1.3

    def GetCurrentRenderFormatAndCodec(self):
        return dict(self.format)

    def SetCurrentRenderFormatAndCodec(self, name, codec):
        if codec not in self.GetRenderCodecs(name).values():
            return False  # 9.20: so never for wav
        self.format = {"format": name, "codec": codec}
        return True

    def GetCurrentRenderMode(self):
        return self.mode

    def SetCurrentRenderMode(self, mode):
        if mode not in (0, 1) or isinstance(mode, bool):
            return False
        self.mode = mode
        return True

    def AddRenderJob(self):
        folder = self.settings.get("TargetDir", "")
        if self.project.current is None or not os.path.isdir(str(folder)):
            return ""
        name = f"job-{self.world.new_uid()}"
        lag = self.world.faults.job_list_lag
        self.jobs.append(Job(name, self.project.current, dict(self.settings), lag))
        return name

    def GetRenderJobList(self):
        shown = []
        for job in self.jobs:
            if job.lag > 0:  # 9.20
                job.lag -= 1
                continue
            first, last = self._range(job)
            shown.append(
                {
                    "JobId": job.name,
                    "RenderJobName": job.name,
                    "TimelineName": job.timeline.name,
                    "TargetDir": job.settings.get("TargetDir", ""),
                    "OutputFilename": os.path.basename(self.target(job)),
                    "MarkIn": first,
                    "MarkOut": last,
                    "IsExportVideo": bool(job.settings.get("ExportVideo", True)),
                    "IsExportAudio": bool(job.settings.get("ExportAudio", True)),
                }
            )
        return shown

    def _range(self, job):
        """Absolute first and last frame (9.7)."""
        start, end = job.timeline.start, job.timeline.GetEndFrame()
        if job.settings.get("SelectAllFrames", False):
            return start, end - 1
        first, last = job.settings.get("MarkIn", start), job.settings.get("MarkOut", end - 1)
        return (int(first), int(last)) if whole(first) and whole(last) else (start, end - 1)

    def target(self, job):
        name = str(job.settings.get("CustomName", job.timeline.name))
        return os.path.join(str(job.settings["TargetDir"]), "{}.{}".format(name, self.format["format"]))

    def IsRenderingInProgress(self):
        running = [job for job in self.jobs if job.state == RUNNING]
        for job in running:
            self._advance(job)
        return bool(running)

    def StartRendering(self, *names):
        """Ids, or one list of ids and a flag; the forms with indices are unsupported (1.3)."""
        if names and isinstance(names[0], list):
            names = names[0]
        elif not names or isinstance(names[0], bool):
            names = [job.name for job in self.jobs]
        jobs = [self._job(name) for name in names]
        if not jobs or None in jobs or any(job.state == RUNNING for job in self.jobs):
            return False
        for job in jobs:
            job.state, job.error = RUNNING, ""
            job.left = job.whole = max(1, self.world.faults.render_polls)
        return True

    def StopRendering(self):
        for job in self.jobs:
            if job.state == RUNNING:
                job.state = CANCELLED

    def _advance(self, job):
        job.left -= 1
        if job.left > 0:
            return
        if self.world.faults.render_fails:
            job.state, job.error, job.left = FAILED, self.world.faults.render_fails, 1
            return
        first, last = self._range(job)
        path = self.target(job)
        write = self.world.renderer or write_silence
        write(job.timeline, first, last, path)  # 9.20: the file is there only after success
        job.state = DONE

    def GetRenderJobStatus(self, name):
        job = self._job(name)
        if job is None:
            return {}
        if job.state == RUNNING:
            self._advance(job)
        part = 100 if job.state == DONE else (100 * (job.whole - job.left) // job.whole if job.left else 0)
        status = {
            "JobStatus": STATUS[self.world.profile.language][job.state],
            "CompletionPercentage": min(part, 99) if job.state != DONE else 100,
        }
        if job.state == DONE:
            status["TimeTakenToRenderInMs"] = 1000
        if job.error:
            status["Error"] = job.error
        return status

    def DeleteRenderJob(self, name):
        job = self._job(name)
        if job is None or job.state == RUNNING:
            return False
        self.jobs.remove(job)
        return True

    def DeleteAllRenderJobs(self):
        self.world.violate(20, "DeleteAllRenderJobs removes the user's own jobs")
        self.jobs = []
        return True


def write_silence(timeline, first, last, path):
    """A stereo WAV of the right length at 48 kHz: what a render leaves where no renderer was given."""
    count = int((last - first + 1) / timeline.rate.exact * 48000)
    with wave.open(path, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48000)
        for _ in range(count // 48000):
            file.writeframes(bytes(4 * 48000))
        file.writeframes(bytes(4 * (count % 48000)))
