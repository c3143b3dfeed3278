//! The words of `journal::Refusal`, by its numbers, which are for ever; a test beside this compares with its list.
//! Never tells more than the code does.

use super::Row;

/// The words of one, if it is one.
pub(super) fn register_words(code: u16) -> Option<Row> {
    Some(match code {
        100 => {
            ("wrong-log", "the act is for another site's log", "действие относится к журналу другой системы")
        }
        101 => ("chain-ended", "the session has ended; log in again", "сеанс завершён; войдите заново"),
        102 => ("out-of-sequence", "an act came out of order", "действие пришло не по порядку"),
        103 => ("stale-attempt", "a newer attempt was made already", "уже была более поздняя попытка"),
        104 => (
            "wrong-previous",
            "the act does not follow the one before it",
            "действие не продолжает предыдущее",
        ),
        105 => (
            "wrong-head",
            "the server's log is not the one this terminal has seen. Tell an officer at once",
            "журнал сервера не тот, что видел этот терминал. Немедленно сообщите офицеру",
        ),
        106 => (
            "equivocation",
            "another act was signed under the same number; an alarm was raised. Is the credential in use twice?",
            "под тем же номером подписано другое действие; поднята тревога. Не используются ли ключи дважды?",
        ),
        107 => (
            "already-admitted",
            "another act has this number already",
            "этот номер уже занят другим действием",
        ),
        108 => (
            "login-repeated",
            "this very login stands in the journal already; it opens nothing twice. Log in anew",
            "этот вход уже стоит в журнале; второй раз он ничего не открывает. Войдите заново",
        ),
        109 => (
            "not-covered",
            "there is no such entry in the journal that you have seen",
            "такой записи в известном вам журнале нет",
        ),
        110 => (
            "unknown-certificate",
            "the site does not know this certificate yet; was its bundle taken in?",
            "система ещё не знает этого сертификата; принят ли пакет с ним?",
        ),
        111 => (
            "certificate-expired",
            "the certificate is not valid at this time",
            "сертификат сейчас не действует",
        ),
        112 => ("certificate-revoked", "the certificate was revoked", "сертификат отозван"),
        113 => (
            "wrong-person",
            "the certificate belongs to another person",
            "сертификат принадлежит другому человеку",
        ),
        114 => ("wrong-role", "your role may not do this", "ваша роль этого не позволяет"),
        115 => {
            ("suspended", "the account is suspended by an officer", "учётная запись приостановлена офицером")
        }
        116 => (
            "account-locked",
            "the account is locked after too many wrong passwords; an officer can unlock it",
            "учётная запись заблокирована после неверных паролей; её может разблокировать офицер",
        ),
        117 => (
            "not-admitted",
            "two officers have not admitted this officer yet",
            "этого офицера ещё не утвердили двое офицеров",
        ),
        118 => ("no-password", "no envelope was handed over yet", "конверт ещё не вручён"),
        119 => (
            "must-set-password",
            "a new password must be set first: `conclave login` asks for it, or `conclave-admin password --envelope`",
            "сначала нужно задать новый пароль: его спрашивает `conclave login` либо `conclave-admin password --envelope`",
        ),
        120 => (
            "session-live",
            "the server still has a session of yours: at another terminal, or this one's from before a breakdown; the same \
             command with --end-other ends it",
            "сервер ещё помнит ваш сеанс: на другом терминале или прежний на этом, после сбоя; та же команда с --end-other завершит его",
        ),
        121 => (
            "too-fast",
            "too many acts in a minute; wait a little",
            "слишком много действий за минуту; подождите",
        ),
        122 => (
            "wrong-certificate-use",
            "this certificate may not sign acts",
            "этот сертификат не предназначен для подписи действий",
        ),
        130 => (
            "not-submitted",
            "acts of the authority come only inside a bundle",
            "действия удостоверяющего центра приходят только в пакете",
        ),
        131 => (
            "submit-mismatch",
            "the bundle's acts are not those it names",
            "в пакете не те действия, что названы",
        ),
        132 => ("bad-certificate", "a certificate in it is not accepted", "сертификат в нём не принят"),
        133 => (
            "person-known-otherwise",
            "this person is known with another login or key",
            "этот человек известен под другим именем входа или ключом",
        ),
        134 => ("key-known", "this key was certified before", "этот ключ уже был сертифицирован"),
        135 => ("unknown-person", "there is no such person", "такого человека нет"),
        136 => ("login-taken", "the login belongs to another person", "имя входа занято другим человеком"),
        137 => ("bad-crl", "the revocation list is not accepted", "список отзыва не принят"),
        138 => (
            "envelope-state",
            "the envelope is not in a state for this",
            "состояние конверта этого не допускает",
        ),
        139 => ("unchanged", "it is so already", "так уже и есть"),
        140 => ("no-such-proposal", "there is no such open proposal", "такого открытого предложения нет"),
        141 => ("second-person-needed", "another person must approve", "утвердить должен другой человек"),
        142 => ("bad-proposal", "the proposal is not accepted", "предложение не принято"),
        143 => ("no-such-session", "no such session lives", "такого живого сеанса нет"),
        144 => ("already-founded", "the log has its genesis already", "журнал уже основан"),
        145 => ("last-officer", "fewer than two officers would be left", "осталось бы меньше двух офицеров"),
        146 => ("bad-genesis", "this is no genesis", "это не основание журнала"),
        147 => ("too-many-proposals", "too many proposals are open", "открыто слишком много предложений"),
        148 => ("submit-open", "acts of a bundle must come first", "сначала должны прийти действия пакета"),
        149 => (
            "server-revocation",
            "only the authority revokes the server",
            "сервер отзывает только удостоверяющий центр",
        ),
        150 => ("unknown-conversation", "there is no such conversation", "такой беседы нет"),
        151 => ("not-a-member", "not a member of this conversation", "это не участник беседы"),
        152 => ("not-accepted", "the invitation was not accepted yet", "приглашение ещё не принято"),
        153 => {
            ("not-the-owner", "only the owner of the group may do this", "это может только владелец группы")
        }
        154 => {
            ("stale-membership", "the members changed meanwhile; try again", "состав изменился; повторите")
        }
        155 => ("already-member", "this person is a member already", "этот человек уже участник"),
        156 => (
            "clearance-too-low",
            "the clearance is too low for this label or conversation",
            "допуск слишком низок для этого грифа или этой беседы",
        ),
        157 => {
            ("conversation-closed", "the conversation was erased and is closed", "беседа стёрта и закрыта")
        }
        158 => (
            "private-is-for-two",
            "a private conversation has two members for ever",
            "в личной беседе всегда двое",
        ),
        159 => {
            ("too-many-members", "the conversation has too many members", "в беседе слишком много участников")
        }
        160 => ("no-invitation", "there is no such invitation", "такого приглашения нет"),
        161 => (
            "private-exists",
            "you two have a private conversation already",
            "у вас двоих уже есть личная беседа",
        ),
        162 => ("bad-members", "the list of members is malformed", "список участников составлен неверно"),
        163 => (
            "no-correspondent",
            "this person's role does not send or receive messages",
            "роль этого человека не предполагает переписки",
        ),
        170 => (
            "wrong-epoch",
            "the conversation's key changed meanwhile; try again",
            "ключ беседы сменился; повторите",
        ),
        171 => (
            "epoch-stale",
            "a member was removed and the key must change first; try again",
            "участник удалён, сначала должен смениться ключ; повторите",
        ),
        172 => (
            "no-such-reservation",
            "the reserved room has lapsed; try again",
            "отведённое место истекло; повторите",
        ),
        173 => ("reservation-unfit", "the reserved room does not fit", "отведённое место не подходит"),
        174 => (
            "label-too-high",
            "the label is above what this conversation allows",
            "гриф выше допустимого в этой беседе",
        ),
        175 => ("no-such-message", "there is no such message", "такого сообщения нет"),
        176 => ("message-erased", "the message was erased", "сообщение стёрто"),
        177 => (
            "quota-exceeded",
            "your share of the storage is used up; erase something",
            "ваша доля хранилища исчерпана; сотрите что-нибудь",
        ),
        178 => (
            "nothing-to-acknowledge",
            "this message asks for no acknowledgement",
            "это сообщение не требует подтверждения",
        ),
        179 => ("cursor-back", "it was read further already", "прочитано уже дальше"),
        180 => ("too-many-reservations", "too many transfers at once", "слишком много передач одновременно"),
        190 => ("no-right-to-erase", "you have no right to erase this", "у вас нет права стереть это"),
        191 => ("already-erased", "it was erased already", "это уже стёрто"),
        192 => (
            "held",
            "a hold keeps it; once the hold has ended, ask for the erasure again",
            "стирать запрещено распоряжением; когда запрет кончится, попросите о стирании снова",
        ),
        193 => (
            "no-such-order",
            "no such order of erasure waits for objections",
            "такого распоряжения, ожидающего возражений, нет",
        ),
        194 => (
            "not-concerned",
            "this order of erasure does not concern you",
            "это распоряжение о стирании вас не касается",
        ),
        195 => ("no-such-range", "there are no such entries", "таких записей нет"),
        196 => ("no-such-hold", "no such hold stands", "такого запрета на стирание нет"),
        197 => ("bad-hold", "the hold is not accepted", "запрет на стирание не принят"),
        198 => ("too-many-holds", "too many holds stand", "запретов на стирание слишком много"),
        199 => (
            "too-many-orders",
            "too many orders of erasure are open",
            "открыто слишком много распоряжений о стирании",
        ),
        200 => ("time-runs-back", "the server's clock runs back", "часы сервера идут назад"),
        201 => (
            "deadline-passed",
            "a deadline passed at this moment; try again",
            "в этот момент истёк срок; повторите",
        ),
        202 => ("bad-fact", "not a record that can stand here", "такая запись здесь невозможна"),
        203 => ("newer-rules", "the site's rules are newer than the server", "правила системы новее сервера"),
        204 => ("wrong-index", "the log's numbering does not fit", "нумерация журнала не сходится"),
        260 => (
            "time-to-object",
            "whoever may object to this order still has time to",
            "у тех, кто вправе возразить против этого распоряжения, ещё есть время",
        ),
        261 => (
            "too-many-own-holds",
            "too many holds that you placed stand",
            "действует слишком много наложенных вами запретов",
        ),
        262 => (
            "too-many-own-proposals",
            "too many proposals of yours are open",
            "открыто слишком много ваших предложений",
        ),
        205 => ("not-running", "the server is not running yet", "сервер ещё не работает"),
        230 => (
            "retention-run-due",
            "the server must make a run of the retention schedule first; try again in a moment",
            "сервер должен сначала выполнить стирание по срокам хранения; повторите чуть позже",
        ),
        231 => (
            "bad-retention-run",
            "a run of the retention schedule that does not fit the policy",
            "стирание по срокам хранения не соответствует политике",
        ),
        250 => (
            "bad-succession",
            "this is no succession of this log here",
            "такое преемство журнала здесь невозможно",
        ),
        270 => (
            "list-open",
            "further parts of a revocation list must come first",
            "сначала должны поступить остальные части списка отозванных",
        ),
        271 => (
            "clock-not-back",
            "the time is only set back: it must be earlier than the journal's. Forward it goes by itself, with the clock",
            "время переводят только назад: оно должно быть раньше времени журнала. Вперёд оно идёт само, за часами",
        ),
        272 => (
            "clock-too-far-back",
            "too far back: earlier than the site's founding and the server's running since allow, or by more than ten years",
            "слишком далеко назад: раньше, чем позволяют создание системы и время работы сервера, или больше чем на десять лет",
        ),
        273 => (
            "too-many-clock-sets",
            "the journal's time was set back as often as it may be",
            "время журнала уже переводили назад столько раз, сколько можно",
        ),
        251 => (
            "succession-open",
            "further officers must sign the succession first",
            "сначала преемство должны подписать остальные офицеры",
        ),
        252 => (
            "not-a-first-officer",
            "none of the officers whom the genesis names",
            "не из офицеров, названных при основании",
        ),
        253 => ("era-not-later", "an era that the log has passed already", "эта эра журнала уже была"),
        254 => (
            "log-closed",
            "this journal was closed for good: reading and erasing go on, nothing new is written. The new site card leads to \
             the journal that continues it: ask an officer for it",
            "этот журнал закрыт навсегда: чтение и стирание продолжаются, нового в нём не пишут. Работа идёт в новом журнале, \
             к нему ведёт новая карта системы: спросите её у офицера",
        ),
        255 => (
            "bad-continues",
            "what the log is said to continue is not accepted here",
            "то, что этот журнал якобы продолжает, здесь не принимается",
        ),
        290 => (
            "no-such-alarm",
            "nothing is open under this number: it was closed, or it stands under the number of its first entry: \
             conclave-admin alarm list",
            "под этим номером ничего не открыто: уже закрыто или значится под номером первой записи: conclave-admin alarm list",
        ),
        291 => (
            "not-acknowledged",
            "it must be acknowledged first: conclave-admin alarm ack",
            "сначала подтвердите, что видели: conclave-admin alarm ack",
        ),
        292 => (
            "own-alarm",
            "who raised it, or whom it is about, does not close it: that is another officer's",
            "кто это поднял или кого это касается, тот не закрывает: это делает другой офицер",
        ),
        293 => (
            "too-many-raised",
            "too many reports or findings are open at this site; officers close them: conclave-admin alarm list",
            "открыто слишком много сообщений или замечаний; их закрывают офицеры: conclave-admin alarm list",
        ),
        294 => (
            "too-many-own-raised",
            "too many of your own reports or findings are open: ask an officer to look at them",
            "у вас открыто слишком много сообщений или замечаний: попросите офицера рассмотреть их",
        ),
        295 => (
            "not-the-author",
            "only the person who is named as its author can say that he did not write it",
            "что писал не он, может заявить только тот, кто назван автором",
        ),
        296 => (
            "too-many-disclosures",
            "you have disclosed as many messages today as one person may: go on tomorrow",
            "сегодня вы раскрыли столько сообщений, сколько может один человек: продолжите завтра",
        ),
        _ => return None,
    })
}
