//! What comes of holding a log against the one that it says it continues: a link, or why there is none.
//! Never finds it out: `predecessor.rs` does.

use console::Lang;
use journal::ids::{Head, Index, LogId};
use journal::register::Closed;

/// Why a log does not continue the one that a bundle holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Unlinked {
    /// This log says of none that it continues it.
    NoClaim,
    /// It says so, and fewer of its first officers have signed than must.
    TooFew {
        /// So many have.
        signed: usize,
        /// So many must.
        needed: u32,
    },
    /// The bundle holds another log than is claimed.
    OtherLog,
    /// An entry of the predecessor cannot stand.
    BadEntry {
        /// Which.
        index: Index,
    },
    /// It was never closed.
    NotClosed,
    /// It was closed into another log.
    ClosedElsewhere {
        /// By which entry.
        index: Index,
        /// Into which one.
        log: LogId,
    },
    /// It was closed by another entry than is claimed.
    OtherClose {
        /// By this one.
        index: Index,
    },
    /// Suites or the identity key are not those that were named.
    OtherKeys,
    /// The head that is claimed is not the predecessor's.
    OtherHead {
        /// Its size.
        size: u64,
    },
}

/// A link that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked {
    /// Entries of the predecessor that stand.
    pub entries: u64,
    /// The close.
    pub closed: Closed,
    /// The head that the successor's officers signed.
    pub head: Head,
}

/// Why it does not hold, for people.
pub(crate) fn unlinked(why: &Unlinked, lang: Lang) -> String {
    match why {
        Unlinked::NoClaim => lang
            .pick(
                "this log does not say of any other that it continues it",
                "этот журнал не называет никакого другого, который он продолжает",
            )
            .to_owned(),
        Unlinked::TooFew { signed, needed } => lang.pick(
            format!(
                "TOO FEW of its first officers have signed that it continues another log: {signed}, and {needed} must; until \
                 then it continues none"
            ),
            format!(
                "что этот журнал продолжает другой, подписали СЛИШКОМ МАЛО его первых офицеров: {signed} из нужных {needed}; пока \
                 это так, он не продолжает никакого"
            ),
        ),
        Unlinked::OtherLog => lang
            .pick(
                "it says that it continues another log than the one in the predecessor's bundle",
                "он называет своим предшественником не тот журнал, что в выгрузке предшественника",
            )
            .to_owned(),
        Unlinked::BadEntry { index } => lang.pick(
            format!("entry #{index} of the predecessor cannot stand: verify that bundle by itself"),
            format!("запись #{index} предшественника недействительна: проверьте его выгрузку отдельно"),
        ),
        Unlinked::NotClosed => lang
            .pick(
                "the log that it says it continues was never closed",
                "журнал, который он якобы продолжает, не закрывали",
            )
            .to_owned(),
        Unlinked::ClosedElsewhere { index, log } => lang.pick(
            format!(
                "the log that it says it continues was closed, by its entry #{index}, into ANOTHER log: {log}"
            ),
            format!(
                "журнал, который он якобы продолжает, закрыт записью #{index} в пользу ДРУГОГО журнала: {log}"
            ),
        ),
        Unlinked::OtherClose { index } => lang.pick(
            format!("its predecessor was closed by entry #{index}, which is not the one that is named"),
            format!("предшественник закрыт записью #{index}, а названа другая"),
        ),
        Unlinked::OtherKeys => lang
            .pick(
                "the predecessor's identity key, or a suite, is not the one that was named",
                "ключ журнала предшественника или набор алгоритмов не тот, что назван",
            )
            .to_owned(),
        Unlinked::OtherHead { size } => lang.pick(
            format!("the head of {size} entries that it names is not its predecessor's"),
            format!("названная им вершина предшественника (записей: {size}) — не его"),
        ),
    }
}
