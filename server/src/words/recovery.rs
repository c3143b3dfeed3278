//! Why a recovery does not go on, in both languages.
//! Never without the next step, where there is one.

use super::{Reason, Trouble};
use console::Exit;

console::words! {
    /// See the module.
    pub(crate) enum NoRecovery {
        /// A recovery with nothing to give up.
        NothingLost
            => en("nothing is lost by what cell and device say: `conclaved run` starts this store, unless it was put back from a backup. Then, \
                   where a terminal saw more, name its head: --head FILE; where nobody did: `conclaved backup accept --nobody-saw-more`"),
               ru("по ячейке и устройству ничего не утрачено: хранилище запускает `conclaved run`, если его не вернули из резервной копии. \
                   Если вернули: видел ли какой-нибудь терминал больше — назовите его вершину: --head ФАЙЛ; если не видел никто: \
                   `conclaved backup accept --nobody-saw-more`");
        /// Nothing opens the bodies.
        BodiesLost
            => en("no key opens the bodies any more: to go on means to give up every message and file. Look for the right root cell \
                   first; whoever accepts that says --accept-loss-of-bodies, in the plan and when it is carried out"),
               ru("тела больше ничем не открыть: продолжить — значит признать утраченными все сообщения и файлы. Сначала найдите верную корневую \
                   ячейку; кто на это согласен, указывает --accept-loss-of-bodies и в плане, и при исполнении");
        /// A head that cannot be a trace of what is lost.
        BadHead { size: u64 }
            => en("the head of {size} entries is another log's, or this log's identity key has not signed it"),
               ru("вершина на {size} записей — другого журнала, либо ключ этого журнала её не подписывал");
        /// The store went on in its own way, most often after an older backup was put back.
        OtherPast { size: u64 }
            => en("the head of {size} entries contradicts the kept entries: this is another past, not a loss. If a backup was put back \
                   here and then started, put it back once more, and recover by this head before its first start"),
               ru("вершина на {size} записей противоречит сохранённым записям: это другое прошлое, а не потеря. Если сюда вернули \
                   резервную копию и затем запустили её, верните её ещё раз и восстановите по этой вершине до первого запуска");
        /// The plan is for another state.
        OtherKept { size: u64 }
            => en("the plan keeps other entries than this store has ({size}): make it anew, and have it signed anew"),
               ru("план сохраняет не те записи, что есть в хранилище ({size}): составьте и подпишите его заново");
        /// The device does not give any more what it gave when the plan was made.
        OtherState
            => en("more is lost by now, or other things, than the plan says: nothing was changed. Make it anew, and have it signed anew"),
               ru("утрачено уже больше или не то, о чём говорит план: ничего не изменено. Составьте и подпишите его заново");
        /// One was begun and not finished.
        SuccessionBegun { era: u32 }
            => en("the succession to era {era} was begun and not finished: the same command with its --plan and --acts finishes it. Only \
                   where a root cell is lost for good meanwhile: take it out of the configuration, and make a further plan with \
                   --accept-loss-of-cell"),
               ru("переход в эру {era} начат и не завершён: его завершит та же команда с прежними --plan и --acts. Только если тем \
                   временем навсегда утрачена корневая ячейка: уберите её из конфигурации и составьте ещё один план с \
                   --accept-loss-of-cell");
        /// Every body went away behind the entries of one that was begun.
        BodiesLostSince { era: u32 }
            => en("the succession to era {era} was begun and not finished, and no key opens the bodies any more since. Look for the right \
                   root cell first. Whoever gives up every message and file makes a further plan with --accept-loss-of-bodies, has it \
                   signed, and carries that one out"),
               ru("переход в эру {era} начат и не завершён, а тела с тех пор больше ничем не открыть. Сначала найдите верную корневую \
                   ячейку. Кто согласен признать утраченными все сообщения и файлы, составляет ещё один план с --accept-loss-of-bodies, \
                   отдаёт его на подпись и исполняет уже его");
        /// The number of an era that was asked for is not later than one that is known.
        EraNotLater { era: u32, last: u32 }
            => en("era {era} is not later than era {last}, which was there already: leave --era out, or name a greater number"),
               ru("эра {era} не позже эры {last}, которая уже была: не указывайте --era или назовите число больше");
        /// A root cell is away that a recovery would have to write to.
        CellAway { reason: Reason }
            => en("{}. Put it back, and give the same command again. If it is lost for good, take it out of the configuration, and \
                   a plan with --accept-loss-of-cell lets go of it: wherever it is, it opens what is erased from then on", reason.en),
               ru("{}. Верните ячейку и повторите ту же команду. Если она утрачена навсегда, уберите её из конфигурации и \
                   составьте план с --accept-loss-of-cell: где бы она ни была, она откроет всё, что будет уничтожено после этого", reason.ru);
        /// No cell gives the keys of the device.
        CellLost { reason: Reason }
            => en("no root cell gives this store's keys ({}), and without them not even the log opens, here or in a backup. Keep \
                   everything as it is and look for the cell, or for any copy of it, however old: with that, `conclaved recover \
                   --accept-loss --accept-loss-of-bodies` keeps the log", reason.en),
               ru("ни одна корневая ячейка не даёт ключей этого хранилища ({}), а без них не открыть и журнал, ни здесь, ни в копии. \
                   Ничего не трогайте и найдите ячейку или любую её копию, даже старую: с ней журнал сохранит `conclaved recover \
                   --accept-loss --accept-loss-of-bodies`", reason.ru);
        /// The cell is an older copy.
        CellOlder { store_epoch: u64, cell_epoch: u64 }
            => en("the root cell is of erasure epoch {cell_epoch}, the store of epoch {store_epoch}: an older copy of the cell, which \
                   opens no body. Look for the right one; where it is lost for good, `conclaved recover --accept-loss \
                   --accept-loss-of-bodies` gives up every message and file and keeps the log, in the plan and when it is carried out"),
               ru("корневая ячейка — эпохи уничтожения {cell_epoch}, хранилище — эпохи {store_epoch}: это старая копия ячейки, она не \
                   открывает ни одного тела. Найдите верную; если она утрачена навсегда, `conclaved recover --accept-loss --accept-loss-of-bodies` \
                   признаёт утраченными все сообщения и файлы и сохраняет журнал — и в плане, и при исполнении");
        /// The store is full to the last extent.
        NoRoomToErase
            => en("there is no room to erase what was given up, and some of it still stands: the same command goes on where there is"),
               ru("нет места, чтобы стереть то, от чего отказались, и часть его ещё есть: та же команда продолжит, когда место будет");
        /// The officers' signatures do not suffice.
        Succession { reason: Reason } => en("the succession: {}", reason.en), ru("преемство: {}", reason.ru);
    }
}

impl NoRecovery {
    /// How the process ends.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::NoRoomToErase => Exit::Io,
            Self::CellLost { .. } | Self::CellOlder { .. } => Exit::Invalid,
            Self::NothingLost
            | Self::BodiesLost
            | Self::BadHead { .. }
            | Self::OtherPast { .. }
            | Self::OtherKept { .. }
            | Self::OtherState
            | Self::SuccessionBegun { .. }
            | Self::BodiesLostSince { .. }
            | Self::EraNotLater { .. }
            | Self::CellAway { .. }
            | Self::Succession { .. } => Exit::No,
        }
    }

    /// The stable word for scripts.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::NothingLost => "nothing-lost",
            Self::BodiesLost => "bodies-lost",
            Self::BadHead { .. } => "bad-head",
            Self::OtherPast { .. } => "other-past",
            Self::OtherKept { .. } => "other-kept",
            Self::OtherState => "other-state",
            Self::SuccessionBegun { .. } => "succession-begun",
            Self::BodiesLostSince { .. } => "bodies-lost-since",
            Self::EraNotLater { .. } => "era-not-later",
            Self::CellAway { .. } => "cell-away",
            Self::CellLost { .. } => "cell-lost",
            Self::CellOlder { .. } => "cell-older",
            Self::NoRoomToErase => "no-room-to-erase",
            Self::Succession { .. } => "succession",
        }
    }
}

impl From<NoRecovery> for Trouble {
    fn from(why: NoRecovery) -> Self {
        Self::Recovery { why }
    }
}
