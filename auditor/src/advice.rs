//! What an anomaly means, and what an auditor does about it.
//! Never weighs it: `severity.rs` does.

use console::Lang;
use journal::fact::AlarmKind;

use crate::describe_fact::{ALARMS, alarm};
use crate::report::{Anomaly, AnomalyKind, Grounds, alarm_word};

/// What an auditor should know of anomalies of one kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Advice {
    /// Its name.
    pub title: &'static str,
    /// What it means.
    pub means: &'static str,
    /// What to do about it.
    pub todo: &'static str,
}

/// Which alarm an anomaly is.
pub(crate) fn alarm_of(found: &Anomaly) -> Option<AlarmKind> {
    ALARMS.into_iter().find(|kind| Some(alarm_word(*kind)) == found.alarm)
}

/// What an auditor should know of this anomaly.
pub fn advice(found: &Anomaly, lang: Lang) -> Advice {
    let (title, en, ru): (_, [&'static str; 2], [&'static str; 2]) = match (found.kind, alarm_of(found)) {
        (AnomalyKind::Alarm, Some(kind)) => {
            let (en, ru) = of_alarm_words(kind, found.grounds);
            (alarm(kind, lang), en, ru)
        }
        (AnomalyKind::Alarm, None) => (
            lang.pick("alarm", "тревога"),
            [
                "The server raised an alarm that this program does not know.",
                "Read the entry with a newer program.",
            ],
            [
                "Сервер поднял тревогу, которой эта программа не знает.",
                "Прочтите запись более новой программой.",
            ],
        ),
        (AnomalyKind::ClockStep, _) => (
            lang.pick("the clock jumped", "часы сбились"),
            [
                "The wall clock and the time for which the machine had run disagreed. Times of entries around it are only as \
                 good as the clock was; their order is not touched.",
                "Ask the administrator why the clock was set. Compare the times around it with paper or with terminals.",
            ],
            [
                "Показания часов разошлись со временем работы машины. Время записей рядом верно лишь настолько, насколько \
                 верны были часы; порядок записей от этого не зависит.",
                "Спросите администратора, почему переводили часы. Сверьте время соседних записей с бумагой или терминалами.",
            ],
        ),
        (AnomalyKind::ClockSet, _) => (
            lang.pick("the journal's time was set back", "время журнала переведено назад"),
            [
                "Two officers set the time back after the clock was ahead: entries before it are stamped later than they were \
                 made, back to the leap. Their order is not touched.",
                "Ask both officers by which watch, and look what fell due by the wrong date between the leap and this entry.",
            ],
            [
                "Два офицера перевели время назад после того, как часы ушли вперёд: записи от скачка до этой помечены временем \
                 позже настоящего. Порядок записей от этого не зависит.",
                "Спросите обоих офицеров, по каким часам, и посмотрите, что истекло по неверной дате от скачка до этой записи.",
            ],
        ),
        (AnomalyKind::ClockAttestedOff, _) => (
            lang.pick("a trusted watch showed another time", "верные часы показали другое время"),
            [
                "An officer stated by a watch that the server's clock was wrong. Entries around it are stamped by that clock; \
                 their order is not touched.",
                "Ask the officer by which watch. Where the watch was right, have the clock set, and read the times around it so.",
            ],
            [
                "Офицер засвидетельствовал по часам, что часы сервера неверны. Соседние записи помечены временем сервера; порядок \
                 записей от этого не зависит.",
                "Спросите офицера, по каким часам. Если они верны, пусть часы сервера переведут, а время соседних записей \
                 читайте с этой поправкой.",
            ],
        ),
        (AnomalyKind::UncleanStart, _) => (
            lang.pick("started without having stopped", "пуск без остановки"),
            [
                "Power was cut, or the process was killed. What had been confirmed to anybody is still there: verification \
                 has shown it.",
                "Compare with the site's record of power failures. One that nobody can explain may be somebody at the machine.",
            ],
            [
                "Пропало питание, или процесс прервали. Всё, что было кому-либо подтверждено, на месте: это показала проверка.",
                "Сверьте с записями об отключениях питания. Если никто не может объяснить — возможно, кто-то был у машины.",
            ],
        ),
        (AnomalyKind::SetAside, _) => (
            lang.pick("unreleased bytes were set aside", "отложены невыданные байты"),
            [
                "At a start the server found bytes behind the last commit that it had never confirmed to anybody, and put \
                 them aside.",
                "Nothing, if it follows a power cut.",
            ],
            [
                "При пуске за последней фиксацией нашлись байты, которых сервер никому не подтверждал; он их отложил.",
                "Ничего, если перед этим пропало питание.",
            ],
        ),
        (AnomalyKind::DevelopmentCell, _) => (
            lang.pick("the root cell is a file", "ячейка корня — файл"),
            [
                "The secret that erasure destroys lay in a file. Whoever kept an old copy of that file may still open what \
                 was erased. This kind of cell is for development.",
                "Do not rely on any erasure of this run. Move the site to a TPM or a raw sector.",
            ],
            [
                "Секрет, который уничтожается при стирании, лежал в файле. У кого есть прежняя копия этого файла, тот может \
                 открыть стёртое. Такая ячейка — только для разработки.",
                "Не полагайтесь на стирания этого периода работы. Переведите систему на TPM или сектор диска.",
            ],
        ),
        (AnomalyKind::WrongPasswords, _) => (
            lang.pick("wrong passwords", "неверные пароли"),
            [
                "Somebody with this person's certificate and key typed a wrong password.",
                "A few are somebody mistyping. Ask the person if there are many, or if they came at an odd hour.",
            ],
            [
                "Кто-то с сертификатом и ключом этого лица ввёл неверный пароль.",
                "Единичные случаи — опечатки. Если их много или час необычный, спросите самого человека.",
            ],
        ),
        (AnomalyKind::DuplicateCommitment, _) => (
            lang.pick("the same commitment twice", "одно обязательство дважды"),
            [
                "Two messages are bound to the same sealed bytes: one was copied into the other's place, or a terminal used \
                 its random salt twice.",
                "Have both terminals looked at. A copied body is somebody's attempt to speak with another's words.",
            ],
            [
                "Два сообщения связаны с одними и теми же байтами: одно скопировано на место другого, или терминал дважды \
                 взял одно случайное число.",
                "Проверьте оба терминала. Скопированное тело — попытка сказать чужими словами.",
            ],
        ),
        (AnomalyKind::ErasurePending, _) => (
            lang.pick("erasure asked for and not done", "стирание запрошено и не исполнено"),
            [
                "At the end of this journal the server had not said that it was carried out. Until then the bodies can be \
                 opened by whoever holds the machine.",
                "Look at the next export. If it is still pending there, ask what keeps it.",
            ],
            [
                "К концу журнала сервер не сообщил об исполнении. До тех пор содержимое может открыть тот, у кого машина.",
                "Посмотрите следующую выгрузку. Если и там не исполнено, выясните, что мешает.",
            ],
        ),
        (AnomalyKind::FindingOpen, _) => (
            lang.pick("findings that are open", "замечания не закрыты"),
            [
                "An auditor filed it, and no officer has said what came of it.",
                "Ask the officers. Whoever filed it has the paper behind it.",
            ],
            [
                "Аудитор сделал замечание, и ни один офицер не записал, чем кончилось.",
                "Спросите офицеров. Бумага, на которой оно основано, — у того, кто его сделал.",
            ],
        ),
        (AnomalyKind::ReportOpen, _) => (
            lang.pick("reports of members that are open", "заявления участников не разобраны"),
            [
                "A member said that something is wrong with a message, and no officer has said what came of it.",
                "Ask the officers. Where somebody says that he did not write it, another may have his key.",
            ],
            [
                "Участник сообщил, что с сообщением что-то не так, и ни один офицер не записал, чем кончилось.",
                "Спросите офицеров. Если человек заявил, что не писал этого, его ключ может быть у другого.",
            ],
        ),
        (AnomalyKind::AlarmUnacknowledged, _) => {
            let (en, ru) = of_unseen_alarm(found.grounds);
            (lang.pick("alarms that nobody has acknowledged", "тревоги, которых никто не подтвердил"), en, ru)
        }
    };
    let [means, todo] = lang.pick(en, ru);
    Advice { title, means, todo }
}

type Words = [&'static str; 2];

/// What it rests on matters to whoever is to act on an alarm, and none of the officers has.
fn of_unseen_alarm(grounds: Grounds) -> (Words, Words) {
    match grounds {
        Grounds::Proven => (
            [
                "The server raised an alarm that is proven by two signatures of one key, and no officer has signed that he \
                 has seen it.",
                "Treat that person's key as stolen or misused: have it revoked. Ask the officers whether they look at their \
                 alarms: conclave-admin alarm list.",
            ],
            [
                "Сервер поднял тревогу, доказанную двумя подписями одного ключа, и ни один офицер не подписал, что видел её.",
                "Считайте ключ этого лица похищенным или употреблённым во зло: добейтесь отзыва. Спросите офицеров, смотрят \
                 ли они тревоги: conclave-admin alarm list.",
            ],
        ),
        Grounds::Unproven => (
            [
                "The server raised an alarm, but what it kept does not prove it; and no officer has signed that he has seen it.",
                "Do not hold it against the person. Ask the officers whether they look at their alarms: conclave-admin alarm \
                 list.",
            ],
            [
                "Сервер поднял тревогу, но сохранённое им её не доказывает; и ни один офицер не подписал, что видел её.",
                "Не ставьте это в вину человеку. Спросите офицеров, смотрят ли они тревоги: conclave-admin alarm list.",
            ],
        ),
        Grounds::Entries | Grounds::Claim => (
            [
                "The server raised an alarm, or raised it again, and no officer has signed that he has seen it.",
                "Ask the officers whether they look at their alarms: conclave-admin alarm list.",
            ],
            [
                "Сервер поднял тревогу или поднял её снова, и ни один офицер не подписал, что видел её.",
                "Спросите офицеров, смотрят ли они тревоги: conclave-admin alarm list.",
            ],
        ),
    }
}

fn of_alarm_words(kind: AlarmKind, grounds: Grounds) -> (Words, Words) {
    match (kind, grounds) {
        (AlarmKind::Equivocation, Grounds::Proven) => (
            [
                "One key signed two different statements under one number. Both signatures hold: this is proven, and not \
                 merely said.",
                "Treat that person's key as stolen or misused: revoke, and question the person.",
            ],
            [
                "Один ключ подписал два разных заявления под одним номером. Обе подписи сходятся: это доказано.",
                "Считайте ключ этого лица похищенным или употреблённым во зло: отзовите его и опросите владельца.",
            ],
        ),
        (AlarmKind::Equivocation, Grounds::Entries | Grounds::Unproven | Grounds::Claim) => (
            [
                "The server says that one key signed two statements under one number, but what it kept does not prove it.",
                "Do not hold it against the person. Ask why the server's evidence is missing.",
            ],
            [
                "Сервер утверждает, что один ключ подписал два заявления под одним номером, но сохранённое этого не доказывает.",
                "Не ставьте это в вину человеку. Выясните, почему у сервера нет доказательства.",
            ],
        ),
        (AlarmKind::Fork, _) => (
            [
                "A checkpoint signed by this log contradicts this log: two histories were signed with its keys.",
                "Collect the checkpoints of all terminals and witnesses, and verify with each. Trust no history until then.",
            ],
            [
                "Контрольная точка, подписанная этим журналом, ему противоречит: его ключами подписаны две истории.",
                "Соберите контрольные точки всех терминалов и свидетелей и сверьте с каждой. До этого не доверяйте ни одной.",
            ],
        ),
        (AlarmKind::NearlyFull, _) => (
            [
                "The device was nearly full; messages were refused, security entries were not.",
                "Have the store grown, or the log closed into a larger one.",
            ],
            [
                "Носитель был почти заполнен; сообщения не принимались, служебные записи — принимались.",
                "Пусть увеличат хранилище или закроют журнал, чтобы продолжить его в большем.",
            ],
        ),
        (AlarmKind::BodyDamaged, _) => (
            [
                "A body that nobody erased is missing or does not open. The journal still proves that it existed, and whose \
                 it was.",
                "Ask for the medium to be examined. A body may be lost to damage, or to somebody who wanted it gone without \
                 an order.",
            ],
            [
                "Тело, которого никто не стирал, пропало или не открывается. Журнал по-прежнему доказывает, что оно было и чьё.",
                "Потребуйте осмотра носителя. Тело могло пострадать от сбоя — или от того, кто хотел убрать его без распоряжения.",
            ],
        ),
        (AlarmKind::LoginFlood, _) => (
            [
                "Failed logins by one certificate came too fast to be recorded one by one; they are summed up.",
                "Find the terminal. The certificate's key is in the hands of somebody who does not know the password.",
            ],
            [
                "Неудачные входы по одному сертификату шли слишком часто, чтобы записывать каждый; они записаны суммой.",
                "Найдите терминал: ключ сертификата у того, кто не знает пароля.",
            ],
        ),
        (AlarmKind::HoldEndsSoon, _) => (
            [
                "A hold on erasure was about to end.",
                "If the matter is still open, see that a new hold was placed in time.",
            ],
            [
                "Истекал запрет на стирание.",
                "Если дело не закрыто, убедитесь, что вовремя введён новый запрет.",
            ],
        ),
        (AlarmKind::RetentionMissed, _) => (
            [
                "The retention schedule did not run when it was due: messages stood longer than the policy allows.",
                "See when the run was made up for, and whether anything had to be gone by law.",
            ],
            [
                "Стирание по сроку хранения не прошло вовремя: сообщения лежали дольше, чем велит политика.",
                "Проверьте, когда его провели и не обязан ли был кто-то по закону стереть это раньше.",
            ],
        ),
        (AlarmKind::BackupBehind, _) => (
            [
                "An erasure went on while its backup had gone away: no backup of before opens from there on.",
                "See that a backup was taken since.",
            ],
            [
                "Уничтожение прошло, когда резервная копия пропала: ни одна прежняя копия с этого места не открывается.",
                "Убедитесь, что с тех пор сделана новая копия.",
            ],
        ),
        (AlarmKind::ClockLeapt, _) => (
            [
                "The clock went far ahead while the server stood still; erasure by the retention schedule waits.",
                "Check the machine's date. A clock put ahead is a way to have things erased early.",
            ],
            [
                "Часы ушли далеко вперёд, пока сервер стоял; стирание по сроку хранения ждёт.",
                "Проверьте дату на машине. Перевод часов вперёд — способ стереть раньше срока.",
            ],
        ),
        (AlarmKind::WitnessSilent, _) => (
            [
                "No witness cosigned the newest checkpoint for a minute, though the policy wants one.",
                "See whether the witness machine runs and is connected. What it has not seen is confirmed by nobody outside.",
            ],
            [
                "Минуту ни один свидетель не заверял новую контрольную точку, хотя правила этого требуют.",
                "Проверьте, что машина свидетеля работает и на связи. Чего она не видела, извне никто не подтвердит.",
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::severity::Severity;

    fn anomaly(kind: AnomalyKind, alarm: Option<AlarmKind>, grounds: Grounds) -> Anomaly {
        let severity = Severity::of(kind, alarm, grounds);
        let alarm = alarm.map(alarm_word);
        let (other, who, open) = (None, None, None);
        Anomaly { severity, kind, index: 1, at: None, other, who, alarm, to: None, grounds, open }
    }

    #[test]
    fn every_alarm_is_explained_in_both_languages() {
        for kind in ALARMS {
            for grounds in [Grounds::Proven, Grounds::Claim] {
                let found = anomaly(AnomalyKind::Alarm, Some(kind), grounds);
                let (en, ru) = (advice(&found, Lang::En), advice(&found, Lang::Ru));
                assert_ne!(en.title, "alarm", "{kind:?}");
                assert!(ru.means.chars().any(|letter| ('а'..='я').contains(&letter)) && ru.todo != en.todo);
            }
        }
    }
}
