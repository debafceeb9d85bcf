//! Messages as a mailbox of mail (RFC 4155 and 5322), to read and search in any mail program.
//!
//! Nobody's mail address is known, so addresses end with `.invalid`, which no mail ever reaches. The same records give the
//! same bytes: ids come from ours, and the marks between parts from the message.

use std::io;

use sha2::{Digest, Sha256};
use threadkeep_core::id::PersonId;

use super::quoted::{base64, header, phrase, printable};
use super::{Attached, Form, Head, Spoken, Thread, in_form, shown};

/// What stands behind the `@`: a name that can never exist (RFC 2606).
const DOMAIN: &str = "threadkeep.invalid";
/// Most recipients that are named.
const RECIPIENTS_MAX: usize = 100;

/// The form.
#[derive(Debug, Default)]
pub struct Mbox {
    /// Whose mailbox it is.
    account: String,
    owner_name: String,
    /// The first message of the conversation, under which mail programs put the others.
    root: Option<String>,
}

impl Form for Mbox {
    fn begin(&mut self, head: &Head<'_>, _: &mut Vec<u8>) -> io::Result<()> {
        self.account = head.account.to_string();
        self.owner_name = head.owner_name.to_owned();
        Ok(())
    }

    fn open(&mut self, _: &Thread, _: &mut Vec<u8>) -> io::Result<()> {
        self.root = None;
        Ok(())
    }

    fn message(&mut self, thread: &Thread, spoken: &Spoken<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        self.headers(thread, spoken, out);
        let with_bytes: Vec<&Attached> = spoken.attachments.iter().filter(|one| one.bytes.is_some()).collect();
        if with_bytes.is_empty() {
            text_part(spoken, out);
        } else {
            let mark = boundary(spoken);
            line(out, &format!("Content-Type: multipart/mixed; boundary=\"{mark}\""));
            line(out, "");
            line(out, &format!("--{mark}"));
            text_part(spoken, out);
            for one in with_bytes {
                line(out, &format!("--{mark}"));
                attachment_part(one, out);
            }
            line(out, &format!("--{mark}--"));
        }
        line(out, "");
        Ok(())
    }
}

impl Mbox {
    fn headers(&mut self, thread: &Thread, spoken: &Spoken<'_>, out: &mut Vec<u8>) {
        let message = spoken.message;
        let at = message.delivered_at;
        let own_id = self.id_of(message.id.as_str());
        line(out, &format!("From threadkeep@{DOMAIN} {}", in_form(at, "%a %b %e %H:%M:%S %Y")));
        line(out, &format!("Date: {}", in_form(at, "%a, %d %b %Y %H:%M:%S +0000")));
        line(out, &format!("From: {}", mailbox(&spoken.sender, message.sender.as_ref())));
        line(out, &format!("To: {}", self.recipients(thread, spoken)));
        line(out, &format!("Subject: {}", header(message.subject.as_deref().unwrap_or(&thread.title))));
        line(out, &format!("Message-ID: {own_id}"));
        let answered = spoken.reply().and_then(|(id, _)| id).map(|id| self.id_of(id));
        let above = answered.clone().or_else(|| self.root.clone());
        if let Some(above) = above {
            line(out, &format!("In-Reply-To: {above}"));
            let references: Vec<String> = self.root.clone().into_iter().chain(answered).collect();
            line(out, &format!("References: {}", references.join("\n ")));
        }
        self.root.get_or_insert(own_id);
        line(out, &format!("X-Threadkeep-Conversation: {}", thread.conversation.id));
        if let Some(fate) = spoken.fate() {
            line(out, &format!("X-Threadkeep-Fate: {fate}"));
        }
        line(out, "MIME-Version: 1.0");
    }

    fn id_of(&self, message: &str) -> String {
        format!("<{message}@{}.{DOMAIN}>", self.account)
    }

    fn recipients(&self, thread: &Thread, spoken: &Spoken<'_>) -> String {
        let all = thread.people.iter().filter(|one| Some(&one.id) != spoken.message.sender.as_ref());
        let all: Vec<String> = all.take(RECIPIENTS_MAX).map(|one| mailbox(&shown(one), Some(&one.id))).collect();
        match all.is_empty() {
            true => mailbox(&self.owner_name, Some(&thread.owner)),
            false => all.join(",\n "),
        }
    }
}

fn mailbox(name: &str, id: Option<&PersonId>) -> String {
    let local: String = match id {
        Some(id) => id.as_str().chars().map(|one| if is_local(one) { one } else { '_' }).collect(),
        None => "nobody".to_owned(),
    };
    format!("{} <{local}@{DOMAIN}>", phrase(name))
}

fn is_local(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '+' | '=')
}

fn text_part(spoken: &Spoken<'_>, out: &mut Vec<u8>) {
    line(out, "Content-Type: text/plain; charset=utf-8");
    line(out, "Content-Transfer-Encoding: quoted-printable");
    line(out, "");
    let mut text = spoken.text().to_owned();
    let without_bytes = spoken.attachments.iter().filter(|one| one.bytes.is_none());
    let mut notes: Vec<String> = spoken.extras();
    notes.extend(without_bytes.map(|one| format!("{}: {}", one.kind, one.name)));
    if !spoken.message.reactions.is_empty() {
        notes.push(format!("reactions: {}", spoken.reactions()));
    }
    if spoken.with_history {
        notes.extend(spoken.message.prior.iter().map(|prior| format!("earlier text: {}", prior.body)));
    }
    for note in notes {
        text.push_str(if text.is_empty() { "[" } else { "\n[" });
        text.push_str(&note);
        text.push(']');
    }
    printable(&text, out);
}

fn attachment_part(one: &Attached, out: &mut Vec<u8>) {
    let media_type = one.media_type.unwrap_or("application/octet-stream");
    let disposition = if one.is_image { "inline" } else { "attachment" };
    let encoded: String = url::form_urlencoded::byte_serialize(one.name.as_bytes()).collect();
    line(out, &format!("Content-Type: {media_type}"));
    // RFC 2231; a blank is `%20` there.
    line(out, &format!("Content-Disposition: {disposition};\n filename*=UTF-8''{}", encoded.replace('+', "%20")));
    line(out, "Content-Transfer-Encoding: base64");
    line(out, "");
    base64(one.bytes.as_deref().unwrap_or_default(), out);
}

/// A line that no encoded body can have: it has `=_`, and `=` there is only followed by hex digits or a line end.
fn boundary(spoken: &Spoken<'_>) -> String {
    let digest = Sha256::digest(spoken.message.id.as_str().as_bytes());
    let mark: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("=_{mark}")
}

fn line(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use threadkeep_core::content::Content;
    use threadkeep_core::id::MessageId;

    use super::super::tests::{attached, file, message, spoken, thread};
    use super::*;

    #[test]
    fn a_message_is_a_mail() {
        let kept = message("Hi,\nFrom here it is near.");
        let text = file(&mut Mbox::default(), &thread(Some("Lunch"), &["Olga"]), &spoken(&kept, "Olga"));
        let expected = "From threadkeep@threadkeep.invalid Fri Jan  2 03:04:05 2026\n\
            Date: Fri, 02 Jan 2026 03:04:05 +0000\n\
            From: Olga <nobody@threadkeep.invalid>\n\
            To: Olga <P4@threadkeep.invalid>\n\
            Subject: Lunch\n\
            Message-ID: <2-m@0123456789abcdef01234567.threadkeep.invalid>\n\
            X-Threadkeep-Conversation: 2-c\n\
            X-Threadkeep-Fate: edited\n\
            MIME-Version: 1.0\n\
            Content-Type: text/plain; charset=utf-8\n\
            Content-Transfer-Encoding: quoted-printable\n\
            \n\
            Hi,\n=46rom here it is near.\n[earlier text: before]\n\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn answers_point_to_what_they_answer_and_bytes_are_parts() {
        let mut kept = message("yes");
        let of = Some(MessageId::new("2-first").unwrap());
        kept.content = vec![Content::Reply { body: "no?".into(), message: of, sender: None, sent_at: None }];
        let mut one = spoken(&kept, "Ol\"ga\nBcc: a@b");
        one.attachments = vec![attached("Plan é \".pdf", b"%PDF", false)];
        let text = file(&mut Mbox::default(), &thread(None, &["Olga"]), &one);
        assert!(text.contains("In-Reply-To: <2-first@0123456789abcdef01234567.threadkeep.invalid>\n"), "{text}");
        assert!(text.contains("filename*=UTF-8''Plan%20%C3%A9%20%22.pdf\n"), "{text}");
        assert!(text.contains("\nJVBERg==\n--=_"), "{text}");
        assert!(!text.contains("\nBcc:"), "{text}");
        assert_eq!(text.matches("\nFrom ").count() + usize::from(text.starts_with("From ")), 1);
    }
}
