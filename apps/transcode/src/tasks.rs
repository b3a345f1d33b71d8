//! What ffmpeg is told.
//!
//! Invariant: a task's result is the same bytes on every x86-64 machine since 2006 (SSSE3): one thread, no times and versions
//! in files, and ffmpeg's own arithmetic in one form (`-cpuflags`), whatever a processor could do beside. x264 and x265 choose
//! theirs by themselves, and give equal bytes from SSSE3 on.

use kit::{Request, Task};

/// The instructions that ffmpeg's own code may use.
const INSTRUCTIONS: &str = "sse4.2";

/// What a person wants.
pub(crate) struct Wanted {
    /// Seconds of a piece, at least.
    pub(crate) piece: u64,
    codec: String,
    preset: String,
    quality: u64,
    height: Option<u64>,
    audio: String,
    audio_rate: u64,
    /// Seconds between keyframes of a stream.
    keys: Option<u64>,
}

/// The file that becomes of a piece, after which its task is called.
pub(crate) fn pictures_name(number: u32) -> String {
    format!("video-{number:04}.mp4")
}

/// The file that becomes of a stream of sound.
pub(crate) fn sound_name(number: u32) -> String {
    format!("audio-{number}.mp4")
}

impl Wanted {
    pub(crate) fn read(request: &Request) -> Self {
        let text = |name: &str, otherwise: &str| request.text(name).unwrap_or(otherwise).to_owned();
        let codec = text("codec", "h264");
        // As good to the eye: x265 counts differently.
        let quality = request.integer("quality").unwrap_or(if codec == "hevc" { 28 } else { 23 });
        Self {
            piece: request.integer("piece").unwrap_or(10),
            preset: text("preset", "medium"),
            quality,
            height: request.integer("height"),
            audio: text("audio", "aac"),
            audio_rate: request.integer("audio-rate").unwrap_or(128),
            keys: (request.text("to") == Some("hls")).then(|| request.integer("stretch").unwrap_or(6)),
            codec,
        }
    }

    pub(crate) fn has_sound(&self) -> bool {
        self.audio != "none"
    }

    fn task(name: String, file: String, middle: &[String]) -> Task {
        let begin = ["ffmpeg", "-nostdin", "-v", "error", "-cpuflags", INSTRUCTIONS, "-threads", "1", "-i"];
        let input = format!("/iexec_in/{file}");
        let end = ["-threads", "1", "-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-f", "mp4"];
        let out = format!("/iexec_out/{name}");
        let args = begin.map(str::to_owned).into_iter().chain([input]).chain(middle.iter().cloned());
        let args = args.chain(end.map(str::to_owned)).chain([out]).collect();
        Task { name, args, files: vec![file] }
    }

    /// A piece of pictures: their times stay what they are.
    pub(crate) fn pictures(&self, number: u32, file: String) -> Task {
        let mut words =
            vec!["-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "-1", "-flags:v", "+bitexact"];
        match self.codec.as_str() {
            "hevc" => {
                words.extend(["-c:v", "libx265", "-tag:v", "hvc1"]);
                words.extend(["-x265-params", "pools=none:frame-threads=1:info=0:log-level=error"]);
            }
            _ => words.extend(["-c:v", "libx264", "-pix_fmt", "yuv420p"]),
        }
        let (quality, scale, keys);
        quality = self.quality.to_string();
        words.extend(["-preset", &self.preset, "-crf", &quality, "-filter_threads", "1"]);
        if let Some(height) = self.height {
            scale = format!("scale=-2:{height}:flags=bicubic+accurate_rnd+bitexact");
            words.extend(["-vf", &scale]);
        }
        if let Some(seconds) = self.keys {
            keys = format!("expr:gte(t,n_forced*{seconds})");
            words.extend(["-force_key_frames", &keys]);
        }
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        Self::task(pictures_name(number), file, &words)
    }

    /// A stream of sound.
    pub(crate) fn sound(&self, number: u32, file: String) -> Task {
        let rate = format!("{}k", self.audio_rate);
        let mut words = vec!["-map", "0:a:0", "-flags:a", "+bitexact", "-c:a"];
        match self.audio.as_str() {
            "copy" => words.push("copy"),
            _ => words.extend(["aac", "-b:a", &rate]),
        }
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        Self::task(sound_name(number), file, &words)
    }
}
