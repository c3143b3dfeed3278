//! One line on what was raised, what came of it and what was given away, in the reader's language.
//! Never says who was right: the journal holds a number of a list.

use console::Lang;
use journal::act::{Act, ReportReason};
use link::terminal::{finding_code_words, outcome_words, severity_words};

use crate::describe::Teller;

impl Teller<'_> {
    /// An act of the officers' desk; empty for any other.
    pub(crate) fn desk(&self, act: &Act) -> String {
        if let Act::AlarmAcknowledge(act) = act {
            let n = act.raised;
            self.say(
                format!("acknowledges what #{n} raised"),
                format!("подтверждает: видел поднятое записью #{n}"),
            )
        } else if let Act::AlarmClose(act) = act {
            let (n, (_, en, ru)) = (act.raised, outcome_words(act.outcome));
            let outcome = self.lang.pick(en, ru);
            self.say(
                format!("closes what #{n} raised: {outcome}"),
                format!("закрывает поднятое записью #{n}: {outcome}"),
            )
        } else if let Act::Report(act) = act {
            let (n, reason) = (act.message, reason(act.reason, self.lang));
            self.say(format!("reports #{n}: {reason}"), format!("сообщает о #{n}: {reason}"))
        } else if let Act::Disclose(act) = act {
            let n = act.message;
            self.say(format!("DISCLOSES #{n} to somebody outside"), format!("РАСКРЫВАЕТ #{n} постороннему"))
        } else if let Act::Finding(act) = act {
            let ((_, level_en, level_ru), (_, what_en, what_ru)) =
                (severity_words(act.severity), finding_code_words(act.code));
            let n = act.entry;
            self.say(
                format!("files a finding at #{n}, severity {level_en}: {what_en}"),
                format!("делает замечание к #{n}, степень {level_ru}: {what_ru}"),
            )
        } else {
            String::new()
        }
    }
}

fn reason(reason: ReportReason, lang: Lang) -> &'static str {
    match reason {
        ReportReason::NotMine => {
            lang.pick("the named author did not write it", "названный автором этого не писал")
        }
        ReportReason::Mislabelled => lang.pick("its label is wrong", "неверный гриф"),
        ReportReason::Other => lang.pick("something else", "иное"),
    }
}
