"""The documented methods of each class, with the least and the most arguments (sections 1.1 to 1.8).

One method a line: name, kind of answer, arguments, the version that brought it, ``studio`` for Studio only.
A name may come twice: the later line holds from its version on.
"""

from resolve_simulator.surface import read_table

MARKERS = """
AddMarker bool 5-6
GetMarkers dict 0
GetMarkerByCustomData dict 1
UpdateMarkerCustomData bool 2
GetMarkerCustomData text 1
DeleteMarkersByColor bool 1
DeleteMarkerAtFrame bool 1
DeleteMarkerByCustomData bool 1
"""

RESOLVE = """
Fusion object 0
GetMediaStorage object 0
GetProjectManager object 0
OpenPage bool 1
GetCurrentPage text 0
GetProductName text 0
GetVersion list 0
GetVersionString text 0
LoadLayoutPreset bool 1
UpdateLayoutPreset bool 1
ExportLayoutPreset bool 2
DeleteLayoutPreset bool 1
SaveLayoutPreset bool 1
ImportLayoutPreset bool 1-2
ImportRenderPreset bool 1
ExportRenderPreset bool 2
ImportBurnInPreset bool 1
ExportBurnInPreset bool 2
GetKeyframeMode object 0
SetKeyframeMode bool 1
GetFairlightPresets list 0 since=20.2.2
GetLayoutPresetList list 0 since=21.0.4
DisableBackgroundTasksForCurrentResolveSession object 0 since=21.0
Quit object 0
"""

PROJECT_MANAGER = """
ArchiveProject bool 2-5
CreateProject object 1
CreateProject object 1-2 since=20.2.2
DeleteProject bool 1
LoadProject object 1
GetCurrentProject object 0
SaveProject bool 0
CloseProject bool 1
CreateFolder bool 1
DeleteFolder bool 1
GetProjectListInCurrentFolder list 0
GetFolderListInCurrentFolder list 0
GotoRootFolder bool 0
GotoParentFolder bool 0
GetCurrentFolder text 0
OpenFolder bool 1
ImportProject bool 1-2
ExportProject bool 2-3
RestoreProject bool 1-2
GetCurrentDatabase dict 0
GetDatabaseList list 0
SetCurrentDatabase bool 1
CreateCloudProject object 1
LoadCloudProject object 1
ImportCloudProject bool 2
RestoreCloudProject bool 2
GetProjectAttributesInCurrentFolder dict 0 since=21.0.4
"""

PROJECT = """
GetMediaPool object 0
GetTimelineCount object 0
GetTimelineByIndex object 1
GetCurrentTimeline object 0
SetCurrentTimeline bool 1
GetGallery object 0
GetName text 0
SetName bool 1
GetPresetList list 0
SetPreset bool 1
AddRenderJob text 0
DeleteRenderJob bool 1
DeleteAllRenderJobs bool 0
GetRenderJobList list 0
GetRenderPresetList list 0
StartRendering bool 0-*
StopRendering object 0
IsRenderingInProgress bool 0
LoadRenderPreset bool 1
SaveAsNewRenderPreset bool 1
DeleteRenderPreset bool 1
SetRenderSettings bool 1
GetRenderJobStatus dict 1
GetQuickExportRenderPresets list 0 since=19.0
RenderWithQuickExport dict 2 since=19.0
GetSetting text 0-1
SetSetting bool 2
GetRenderFormats dict 0
GetRenderCodecs dict 1
GetCurrentRenderFormatAndCodec dict 0
SetCurrentRenderFormatAndCodec bool 2
GetCurrentRenderMode object 0
SetCurrentRenderMode bool 1
GetRenderResolutions list 0-2
RefreshLUTList bool 0
GetUniqueId text 0
InsertAudioToCurrentTrackAtPlayhead bool 3
LoadBurnInPreset bool 1
ExportCurrentFrameAsStill bool 1
GetColorGroupsList list 0
AddColorGroup object 1
DeleteColorGroup bool 1
ApplyFairlightPresetToCurrentTimeline bool 1 since=20.2.2
GenerateSpeech object 1-2 since=21.0 studio
"""

MEDIA_STORAGE = """
GetMountedVolumeList list 0
GetSubFolderList list 1
GetFileList list 1
RevealInStorage bool 1
AddItemListToMediaPool list 1-*
AddClipMattesToMediaPool bool 2-3
AddTimelineMattesToMediaPool list 1
"""

MEDIA_POOL = """
GetRootFolder object 0
AddSubFolder object 2
RefreshFolders bool 0
CreateEmptyTimeline object 1
AppendToTimeline list 1-*
CreateTimelineFromClips object 2-*
ImportTimelineFromFile object 1-2
DeleteTimelines bool 1
GetCurrentFolder object 0
SetCurrentFolder bool 1
DeleteClips bool 1
ImportFolderFromFile bool 1-2
DeleteFolders bool 1
MoveClips bool 2
MoveFolders bool 2
GetClipMatteList list 1
GetTimelineMatteList list 1
DeleteClipMattes bool 2
RelinkClips bool 2
UnlinkClips bool 1
ImportMedia list 1
ExportMetadata bool 1-2
GetUniqueId text 0
CreateStereoClip object 2
AutoSyncAudio bool 2
GetSelectedClips list 0
SetSelectedClip bool 1
"""

FOLDER = """
GetClipList list 0
GetName text 0
GetSubFolderList list 0
GetIsFolderStale bool 0
GetUniqueId text 0
Export bool 1
TranscribeAudio bool 0 studio
TranscribeAudio bool 0-1 since=21.0 studio
ClearTranscription bool 0 studio
PerformAudioClassification bool 0 since=21.0 studio
ClearAudioClassification bool 0 since=21.0 studio
"""

FLAGS = """
AddFlag bool 1
GetFlagList list 0
ClearFlags bool 1
GetClipColor text 0
SetClipColor bool 1
ClearClipColor bool 0
"""

MEDIA_POOL_ITEM = (
    """
GetName text 0
SetName bool 1 since=20.2
GetMetadata object 0-1
SetMetadata bool 1-2
GetThirdPartyMetadata object 0-1
SetThirdPartyMetadata bool 1-2
GetMediaId text 0
GetClipProperty object 0-1
SetClipProperty bool 2
LinkProxyMedia bool 1
UnlinkProxyMedia bool 0
ReplaceClip bool 1
ReplaceClipPreserveSubClip bool 1 since=20.0
GetUniqueId text 0
TranscribeAudio bool 0 studio
TranscribeAudio bool 0-1 since=21.0 studio
ClearTranscription bool 0 studio
PerformAudioClassification bool 0 since=21.0 studio
ClearAudioClassification bool 0 since=21.0 studio
GetAudioMapping text 0
GetMarkInOut dict 0 since=20.0
SetMarkInOut bool 2-3 since=20.0
ClearMarkInOut bool 0-1 since=20.0
GetTimeline object 0 since=21.0.4
"""
    + MARKERS
    + FLAGS
)

TIMELINE = (
    """
GetName text 0
SetName bool 1
GetStartFrame object 0
GetEndFrame object 0
SetStartTimecode bool 1
GetStartTimecode text 0
GetTrackCount object 1
AddTrack bool 1-2
DeleteTrack bool 2
GetTrackSubType text 2
SetTrackEnable bool 3
GetIsTrackEnabled bool 2
SetTrackLock bool 3
GetIsTrackLocked bool 2
GetItemListInTrack object 2
DeleteClips bool 1-2
SetClipsLinked bool 2
GetSelectedClips list 0 since=21.0.4
ApplyGradeFromDRX bool 2-*
GetCurrentTimecode text 0
SetCurrentTimecode bool 1
GetCurrentVideoItem object 0
GetCurrentClipThumbnailImage dict 0
GetTrackName text 2
SetTrackName bool 3
DuplicateTimeline object 0-1
CreateCompoundClip object 1-2
CreateFusionClip object 1
ImportIntoTimeline bool 1-2
Export bool 2-3
GetSetting text 0-1
SetSetting bool 2
InsertGeneratorIntoTimeline object 1
InsertFusionGeneratorIntoTimeline object 1
InsertFusionCompositionIntoTimeline object 0
InsertOFXGeneratorIntoTimeline object 1
InsertTitleIntoTimeline object 1
InsertFusionTitleIntoTimeline object 1
GrabStill object 0
GrabAllStills list 1
GetUniqueId text 0
CreateSubtitlesFromAudio bool 0-1 studio
DetectSceneCuts bool 0 studio
ConvertTimelineToStereo bool 0
GetNodeGraph object 0
AnalyzeDolbyVision bool 0-2
GetMediaPoolItem object 0 since=19.0
GetMarkInOut dict 0 since=20.0
SetMarkInOut bool 2-3 since=20.0
ClearMarkInOut bool 0-1 since=20.0
GetVoiceIsolationState dict 1 since=20.1
SetVoiceIsolationState bool 2 since=20.1
"""
    + MARKERS
)

TIMELINE_ITEM = (
    """
GetName text 0
SetName bool 1 since=20.2
GetDuration object 0-1
GetEnd object 0-1
GetStart object 0-1
GetLeftOffset object 0-1
GetRightOffset object 0-1
GetSourceStartFrame object 0
GetSourceEndFrame object 0
GetSourceStartTime object 0
GetSourceEndTime object 0
GetFusionCompCount object 0
GetProperty object 0-1
SetProperty bool 2
GetMediaPoolItem object 0
GetClipEnabled bool 0
SetClipEnabled bool 1
GetLinkedItems list 0
GetTrackTypeAndIndex list 0 since=19.0
GetSourceAudioChannelMapping text 0
GetVoiceIsolationState dict 0 since=20.1
SetVoiceIsolationState bool 1 since=20.1
AddTake bool 1-3
GetSelectedTakeIndex object 0
GetTakesCount object 0
GetTakeByIndex dict 1
DeleteTakeByIndex bool 1
SelectTakeByIndex bool 1
FinalizeTake bool 0
AddFusionComp object 0
GetFusionCompByIndex object 1
GetUniqueId text 0
"""
    + MARKERS
    + FLAGS
)

TABLES = {
    "Resolve": read_table(RESOLVE),
    "ProjectManager": read_table(PROJECT_MANAGER),
    "Project": read_table(PROJECT),
    "MediaStorage": read_table(MEDIA_STORAGE),
    "MediaPool": read_table(MEDIA_POOL),
    "Folder": read_table(FOLDER),
    "MediaPoolItem": read_table(MEDIA_POOL_ITEM),
    "Timeline": read_table(TIMELINE),
    "TimelineItem": read_table(TIMELINE_ITEM),
}

EXPORTS = (  # 1.6
    "EXPORT_AAF EXPORT_DRT EXPORT_EDL EXPORT_FCP_7_XML EXPORT_FCPXML_1_8 EXPORT_FCPXML_1_9 "
    "EXPORT_FCPXML_1_10 EXPORT_HDR_10_PROFILE_A EXPORT_HDR_10_PROFILE_B EXPORT_TEXT_CSV EXPORT_TEXT_TAB "
    "EXPORT_DOLBY_VISION_VER_2_9 EXPORT_DOLBY_VISION_VER_4_0 EXPORT_DOLBY_VISION_VER_5_1 "
    "EXPORT_OTIO EXPORT_ALE EXPORT_ALE_CDL"
).split()
SUB_TYPES = (
    "EXPORT_NONE EXPORT_AAF_NEW EXPORT_AAF_EXISTING EXPORT_CDL EXPORT_SDL EXPORT_MISSING_CLIPS".split()
)
AUTO_CAPTION = (  # 1.5
    "SUBTITLE_LANGUAGE SUBTITLE_CAPTION_PRESET SUBTITLE_CHARS_PER_LINE SUBTITLE_LINE_BREAK SUBTITLE_GAP "
    "AUTO_CAPTION_AUTO AUTO_CAPTION_DANISH AUTO_CAPTION_DUTCH AUTO_CAPTION_ENGLISH AUTO_CAPTION_FRENCH "
    "AUTO_CAPTION_GERMAN AUTO_CAPTION_ITALIAN AUTO_CAPTION_JAPANESE AUTO_CAPTION_KOREAN "
    "AUTO_CAPTION_MANDARIN_SIMPLIFIED AUTO_CAPTION_MANDARIN_TRADITIONAL AUTO_CAPTION_NORWEGIAN "
    "AUTO_CAPTION_PORTUGUESE AUTO_CAPTION_RUSSIAN AUTO_CAPTION_SPANISH AUTO_CAPTION_SWEDISH "
    "AUTO_CAPTION_SUBTITLE_DEFAULT AUTO_CAPTION_TELETEXT AUTO_CAPTION_NETFLIX "
    "AUTO_CAPTION_LINE_SINGLE AUTO_CAPTION_LINE_DOUBLE"
).split()
CONSTANTS = EXPORTS + SUB_TYPES + AUTO_CAPTION
