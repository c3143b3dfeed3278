//! What the people of the demo do once the site stands, scene by scene.
//! Never knows more than a person at that terminal: numbers are read off the screen.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::people::{AUTHORITY_PASSPHRASE, PEOPLE, Person, by_login};
use super::site;
use super::stage::{Stage, remark, scene};
use super::terminal::Answer;

/// Texts that will be erased; the scan at the end looks for them everywhere.
pub(crate) struct Canaries {
    /// Of a single erased message.
    pub(crate) message: String,
    /// Of a message in the erased conversation.
    pub(crate) conversation: String,
    /// Repeated all over the file that falls with its message.
    pub(crate) file: String,
}

impl Canaries {
    /// Words that stand nowhere but in these texts.
    pub(crate) fn new() -> Result<Self> {
        let word = |what: &str| -> Result<String> {
            let mut bytes = [0; 8];
            std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
            Ok(format!("canary-{what}-{:016x}", u64::from_le_bytes(bytes)))
        };
        Ok(Self { message: word("message")?, conversation: word("conversation")?, file: word("file")? })
    }

    /// All of them.
    pub(crate) fn all(&self) -> [&str; 3] {
        [&self.message, &self.conversation, &self.file]
    }
}

/// What an unanchored journal ends with, and a command for which there is no session.
const EXIT_UNANCHORED: i32 = 4;
const EXIT_MISSING: i32 = 69;
/// Size of the file that is sent, bytes.
const FILE_BYTES: usize = 3 << 20;
/// How long terminals may take to come back after the daemon does.
const OUTAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// Everybody's first login: anna's is shown.
pub(crate) fn first_logins(stage: &Stage, one_time: &[String]) -> Result<()> {
    scene("Anna, an operator: site card, certificates, first login with the envelope, a password of her own");
    for (person, password) in PEOPLE.iter().zip(one_time) {
        site::first_login(stage, person, password, person.login == "anna")?;
        if person.role != "operator" {
            stage.quietly(person, &["conclave", "logout"], &[])?;
        }
    }
    remark("(boris and vera did the same; olga, oleg, adam and igor too, and logged out again)");
    stage.as_person(by_login("anna"), &["conclave", "people"], &[])?;
    Ok(())
}

/// Two persons, then three; gives the number of the message that asks to be acknowledged.
pub(crate) fn conversations(stage: &Stage, canaries: &Canaries) -> Result<u64> {
    let (anna, boris, vera) = (by_login("anna"), by_login("boris"), by_login("vera"));
    scene("A private conversation");
    let text = format!("Борис, в девять у карты. ({})", canaries.conversation);
    let first = send(stage, anna, &["conclave", "send", "@boris"], &text)?;
    stage.as_person(boris, &["conclave", "inbox"], &[])?;
    stage.as_person(boris, &["conclave", "read", "@anna"], &[])?;
    let reply = first.to_string();
    send(stage, boris, &["conclave", "send", "@anna", "--reply", &reply], "Понял, буду.")?;
    stage.as_person(anna, &["conclave", "read"], &[])?;

    scene("A group of three, and a message that must be acknowledged");
    stage.as_person(
        anna,
        &["conclave", "conv", "new", "@boris", "@vera"],
        &[Answer::line("group:", "Дозор")],
    )?;
    let order = ["conclave", "send", "Дозор", "--precedence", "immediate", "--must-ack"];
    let number = send(stage, anna, &order, "Выход в шесть, сбор у северных ворот.")?;
    stage.as_person(vera, &["conclave", "read"], &[])?;
    stage.as_person(vera, &["conclave", "ack", &number.to_string()], &[])?;
    remark("(the same in Russian, as an operator sees it)");
    let mut russian = stage.program_of(boris, &["conclave", "--lang", "ru", "read", "Дозор"]);
    println!("\u{1b}[1mboris$ conclave --lang ru read Дозор\u{1b}[0m");
    super::terminal::run(&mut russian, &[], true)?;
    Ok(number)
}

/// A file of several MiB, and who has read what.
pub(crate) fn file_and_readers(stage: &Stage, canaries: &Canaries, order: u64) -> Result<()> {
    let (anna, boris) = (by_login("anna"), by_login("boris"));
    scene("A file of several MiB");
    let plan = stage.runtime.join("plan.txt");
    let line = format!("{} план участка\n", canaries.file);
    std::fs::write(&plan, line.repeat(FILE_BYTES / line.len() + 1))?;
    let path = plan.to_string_lossy().into_owned();
    let sent = stage.as_person(anna, &["conclave", "file", "send", "@boris", &path], &[])?;
    std::fs::remove_file(&plan)?;
    stage.as_person(boris, &["conclave", "file", "list"], &[])?;
    let number = number_in(&sent)?.to_string();
    stage.as_person(boris, &["conclave", "file", "verify", &number], &[])?;

    scene("Who has read what");
    stage.as_person(anna, &["conclave", "message", "show", &order.to_string()], &[])?;
    Ok(())
}

/// The daemon is killed; what Anna writes meanwhile is not lost.
pub(crate) fn outage(stage: &Stage, server: &mut Child) -> Result<()> {
    let (anna, boris) = (by_login("anna"), by_login("boris"));
    scene("The server is killed while Anna writes: nothing is lost");
    println!("\u{1b}[1m$ kill -9 $(pidof conclaved)\u{1b}[0m");
    server.kill().context("conclaved cannot be killed")?;
    server.wait().context("conclaved cannot be waited for")?;
    let text = "Ждём у ворот, связи нет.";
    let answers = [Answer::text(text), Answer::interrupt("not sent yet")];
    stage.ends_with(EXIT_MISSING, anna, &["conclave", "send", "@boris"], &answers)?;
    stage.as_person(anna, &["conclave", "status"], &[])?;
    println!("\u{1b}[1m$ conclaved run --config conclaved.toml &\u{1b}[0m");
    *server = site::run(stage)?;
    let begun = Instant::now();
    // Both terminals come back by themselves, each in its own time.
    while !stage
        .quietly(boris, &["conclave", "read", "@anna", "--keep-unread", "--last", "3"], &[])?
        .contains(text)
    {
        if begun.elapsed() > OUTAGE_TIMEOUT {
            bail!("what was written while the server was away did not arrive");
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    stage.as_person(boris, &["conclave", "read", "@anna", "--last", "1"], &[])?;
    let status = stage.as_person(anna, &["conclave", "status"], &[])?;
    if !status.contains("not sent:      0") {
        bail!("anna's agent still has it");
    }
    Ok(())
}

/// One message, then a whole conversation with its file.
pub(crate) fn erasures(stage: &Stage, canaries: &Canaries) -> Result<()> {
    let (anna, boris) = (by_login("anna"), by_login("boris"));
    scene("One message is erased");
    let text = format!("Этого писать не следовало. ({})", canaries.message);
    let wrong = send(stage, anna, &["conclave", "send", "Дозор"], &text)?.to_string();
    stage.as_person(boris, &["conclave", "read", "Дозор"], &[])?;
    stage.as_person(anna, &["conclave", "erase", "plan", &wrong], &[])?;
    stage.as_person(anna, &["conclave", "erase", "do", &wrong], &[Answer::line("] ", "yes")])?;
    stage.as_person(boris, &["conclave", "read", "Дозор", "--last", "5"], &[])?;

    scene("A whole conversation is erased, with its file");
    stage.as_person(anna, &["conclave", "erase", "plan", "--conversation", "@boris"], &[])?;
    let words = ["conclave", "erase", "do", "--conversation", "@boris"];
    stage.as_person(anna, &words, &[Answer::line("] ", "yes")])?;
    stage.as_person(boris, &["conclave", "conv", "list"], &[])?;
    Ok(())
}

/// Vera is revoked while she watches.
pub(crate) fn revocation(stage: &Stage) -> Result<()> {
    let (vera, olga) = (by_login("vera"), by_login("olga"));
    scene("A revoked operator is thrown out in mid-session");
    println!("\u{1b}[1mvera$ conclave watch &\u{1b}[0m");
    let watching = watch(stage, vera)?;
    let revoke = ["conclave-pki", "revoke", "@vera", "--reason", "key-compromise", "--note", "terminal lost"];
    stage.step(&revoke, &[Answer::secret("passphrase: ", AUTHORITY_PASSPHRASE)])?;
    stage.step(&["conclave-pki", "bundle", "--out", "revocation.bundle"], &[])?;
    stage.as_person(
        olga,
        &["conclave-admin", "submit", "revocation.bundle"],
        &[password(olga), Answer::line("] ", "yes")],
    )?;
    let output = watching.wait_with_output().context("vera's watch cannot be waited for")?;
    remark("what vera's watch said:");
    print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    stage.ends_with(EXIT_MISSING, vera, &["conclave", "inbox"], &[])?;
    Ok(())
}

fn watch(stage: &Stage, person: &Person) -> Result<Child> {
    let mut command = stage.program_of(person, &["conclave", "watch"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().context("cannot run conclave watch")
}

/// The auditor's first visit: he believes the site card, and takes today's head as his anchor on his own word.
pub(crate) fn first_audit(stage: &Stage) -> Result<()> {
    let igor = by_login("igor");
    scene("The auditor's first visit: what he believes comes from the site card, not from the server");
    let trust = ["conclave-audit", "trust", "init", "--card", "site.card", "--out", "site.trust"];
    stage.as_person(igor, &trust, &[Answer::line("] ", "yes")])?;
    stage.as_person(igor, &["conclave-audit", "export", "first.journal"], &[password(igor)])?;
    let verify = ["conclave-audit", "verify", "first.journal", "--trust", "site.trust", "--adopt"];
    stage.ends_with(EXIT_UNANCHORED, igor, &verify, &[])?;
    remark("(exit code 4: everything holds, and from now on he can tell whether anything of it is changed)");
    Ok(())
}

/// The second visit, on the whole journal; ends with the verdict.
pub(crate) fn second_audit(stage: &Stage) -> Result<()> {
    let igor = by_login("igor");
    scene("The auditor comes back, exports the journal and verifies it without the appliance");
    stage.as_person(igor, &["conclave-audit", "export", "site.journal"], &[password(igor)])?;
    stage.as_person(igor, &["conclave-audit", "show", "site.journal", "--kind", "erase"], &[])?;
    Ok(())
}

/// Every signature, every rule, every head: 0 says verified and anchored.
pub(crate) fn verdict(stage: &Stage) -> Result<()> {
    scene("The verdict");
    let verify = ["conclave-audit", "verify", "site.journal", "--trust", "site.trust"];
    stage.as_person(by_login("igor"), &verify, &[]).map(drop)
}

fn password(person: &Person) -> Answer {
    Answer::secret(": ", &person.password())
}

/// Types a text and gives the message's number.
fn send(stage: &Stage, person: &Person, words: &[&str], text: &str) -> Result<u64> {
    number_in(&stage.as_person(person, words, &[Answer::text(text)])?)
}

/// The number behind the last `#` of what was said.
fn number_in(said: &str) -> Result<u64> {
    let tail = said.rsplit('#').next().unwrap_or_default();
    let digits: String = tail.chars().take_while(char::is_ascii_digit).collect();
    match digits.parse() {
        Ok(number) => Ok(number),
        Err(_) => bail!("no message number in \"{said}\""),
    }
}
