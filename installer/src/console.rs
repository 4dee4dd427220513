//! Where a person sees what happens and answers: every console of the kernel at once, or a terminal.
//!
//! A machine room has screens, and serial lines that nobody watches, or the other way round; the installer can not know which.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};

/// The consoles that the kernel writes to, such as `tty0 ttyS0`.
const ACTIVE: &str = "/sys/class/tty/console/active";

/// Consoles, and a log of all that was said on them.
#[derive(Debug)]
pub struct Console {
    terminals: Vec<Terminal>,
    log: File,
    log_path: PathBuf,
}

#[derive(Debug)]
struct Terminal {
    name: String,
    input: File,
    output: File,
}

impl Console {
    /// Every console of the kernel. One that cannot be opened is left out: a kernel names serial ports that nobody built in.
    ///
    /// # Errors
    /// When the log cannot be written, or not one of them can be opened.
    pub fn all(log: &Path) -> io::Result<Self> {
        let names = fs::read_to_string(ACTIVE)?;
        let terminals: Vec<Terminal> =
            names.split_whitespace().filter_map(|name| Terminal::open(name).ok()).collect();
        if terminals.is_empty() {
            return Err(io::Error::other(format!("none of the consoles can be opened: {}", names.trim())));
        }
        Ok(Self { terminals, log: File::create(log)?, log_path: log.to_owned() })
    }

    /// The terminal that this program was started on.
    ///
    /// # Errors
    /// When the log cannot be written, or standard input and output are not open.
    pub fn own(log: &Path) -> io::Result<Self> {
        let input = File::open("/dev/stdin")?;
        let output = OpenOptions::new().append(true).open("/dev/stdout")?;
        let terminal = Terminal { name: "terminal".to_owned(), input, output };
        Ok(Self { terminals: vec![terminal], log: File::create(log)?, log_path: log.to_owned() })
    }

    /// Shows `text` on all of them, with a line end. A console that is gone does not keep the others from being written.
    pub fn say(&mut self, text: &str) {
        let line = format!("{text}\n");
        for terminal in &mut self.terminals {
            drop(terminal.output.write_all(line.replace('\n', "\r\n").as_bytes()));
        }
        drop(self.log.write_all(line.as_bytes()));
    }

    /// Asks on all of them; the first line that is typed on any is the answer.
    ///
    /// # Errors
    /// When no console can be read any more.
    pub fn ask(&mut self, question: &str) -> io::Result<String> {
        self.say(question);
        let answer = self.first_line()?;
        drop(self.log.write_all(format!("> {answer}\n").as_bytes()));
        Ok(answer)
    }

    fn first_line(&mut self) -> io::Result<String> {
        let mut waiting: Vec<&Terminal> = self.terminals.iter().collect();
        while !waiting.is_empty() {
            let mut fds: Vec<PollFd> =
                waiting.iter().map(|terminal| PollFd::new(&terminal.input, PollFlags::IN)).collect();
            poll(&mut fds, None)?;
            let ready = fds.iter().position(|fd| !fd.revents().is_empty());
            let Some(at) = ready else { continue };
            // In its normal mode a terminal gives whole lines.
            let mut bytes = vec![0; 1024];
            match (&waiting[at].input).read(&mut bytes) {
                Ok(0) | Err(_) => drop(waiting.remove(at)),
                Ok(count) => return Ok(String::from_utf8_lossy(&bytes[..count]).trim().to_owned()),
            }
        }
        Err(io::Error::other("no console can be read"))
    }

    /// Names of the devices below `/dev`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.terminals.iter().map(|terminal| terminal.name.as_str())
    }

    /// Everything that was said so far.
    ///
    /// # Errors
    /// When the log cannot be read back.
    pub fn log(&self) -> io::Result<String> {
        BufReader::new(File::open(&self.log_path)?).lines().map(|line| line.map(|line| line + "\n")).collect()
    }
}

impl Terminal {
    fn open(name: &str) -> io::Result<Self> {
        let path = format!("/dev/{name}");
        let output = OpenOptions::new().write(true).open(&path)?;
        Ok(Self { name: name.to_owned(), input: File::open(&path)?, output })
    }
}
