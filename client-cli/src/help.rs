//! The command line's help in Russian. Tests keep it complete and free of leftovers.
//! Never translates what scripts see: commands, options and values.

use console::HelpTable;

/// See `console::localise`.
pub(crate) const TABLE: &HelpTable = &[
    ("/@about", "Сообщения, которые не покидают комнату"),
    ("/@after", "Пример:\n  conclave login\n  echo 'В девять.' | conclave send @boris"),
    ("*/home", "каталог ключей и карты системы (иначе CONCLAVE_HOME, иначе ~/.config/conclave)"),
    ("setup/@about", "принять карту системы, сверив её отпечаток"),
    ("setup/@after", "Пример:\n  conclave setup site.card"),
    ("setup/card", "карта системы"),
    ("setup/fingerprint", "отпечаток, полученный от офицера; без него программа попросит сверить"),
    ("request/@about", "создать ключи и запрос на сертификаты; позже принять сертификаты"),
    (
        "request/@after",
        "Примеры:\n  conclave request --login anna --name 'Анна Петрова' --out anna.request\n  conclave request --take anna.certificates",
    ),
    ("request/login", "имя входа: строчные латинские буквы, цифры, точка, дефис, подчёркивание"),
    ("request/name", "полное имя"),
    ("request/unit", "подразделение, начиная с внешнего; можно указать несколько раз"),
    ("request/suite", "вид ключей; если карта системы уже здесь, то как в ней"),
    ("request/out", "куда записать запрос"),
    ("request/renew", "запросить новые сертификаты с новыми ключами; старые служат, пока не приняты новые"),
    ("request/take", "принять сертификаты, выпущенные офицером"),
    ("login/@about", "войти: запустить агента или разблокировать его"),
    ("login/@after", "Примеры:\n  conclave login --envelope\n  conclave login"),
    ("login/envelope", "первый вход, с одноразовым паролем из бумажного конверта"),
    ("login/end_other", "завершить другой свой сеанс, если он ещё жив"),
    ("login/separate", "парольная фраза ключей и пароль входа различны, спросить оба"),
    ("login/foreground", "остаться на переднем плане, не запуская отдельный процесс"),
    ("login/idle", "блокировать после стольких секунд бездействия, если правила не требуют раньше"),
    ("login/envelope_fd", "прочитать пароль из конверта из этого дескриптора"),
    ("login/new_password_fd", "прочитать новый пароль из этого дескриптора"),
    ("whoami/@about", "показать, кто здесь работает"),
    ("whoami/@after", "Пример:\n  conclave whoami"),
    ("status/@about", "показать состояние агента и то, что не отправлено"),
    ("status/@after", "Пример:\n  conclave status"),
    (
        "checkpoint/@about",
        "вывести новейшую доказанную контрольную точку: с ней сверяются аудитор и восстановление. Сервер не нужен",
    ),
    ("checkpoint/@after", "Пример:\n  conclave checkpoint > anna.checkpoint"),
    ("lock/@about", "забыть все секреты и тексты; вернуться можно через `login`"),
    ("lock/@after", "Пример:\n  conclave lock"),
    ("logout/@about", "завершить сеанс и агента"),
    ("logout/@after", "Пример:\n  conclave logout"),
    ("password/@about", "сменить свой пароль; сначала спрашивается старый"),
    ("password/@after", "Пример:\n  conclave password"),
    ("password/new_password_fd", "прочитать новый пароль из этого дескриптора"),
    ("people/@about", "список людей"),
    ("people/@after", "Пример:\n  conclave people петров"),
    ("people/query", "слова из имени входа, имени или подразделения"),
    ("send/@about", "отправить сообщение; текст читается со стандартного ввода или набирается"),
    ("send/@after", "Пример:\n  echo 'В девять.' | conclave send @boris --must-ack"),
    ("send/text", "то, что набирают первым; отвергается с объяснением, куда пишется текст"),
    ("send/to", "кому: @имя, #номер или начало названия группы"),
    ("*/label", "гриф: название или ступень (от 0 до 5); иначе принятый в беседе"),
    ("*/precedence", "срочность"),
    ("*/must_ack", "каждый прочитавший должен подтвердить"),
    ("*/reply", "номер сообщения, на которое это отвечает"),
    ("inbox/@about", "показать непрочитанное"),
    ("inbox/@after", "Пример:\n  conclave inbox"),
    ("read/@about", "показать сообщения и отметить их прочитанными"),
    ("read/@after", "Примеры:\n  conclave read\n  conclave read @boris --last 50"),
    ("read/of", "какая беседа: @имя, #номер или начало названия; иначе все непрочитанные"),
    ("read/last", "показать столько последних сообщений, и прочитанных тоже"),
    ("read/before", "показать сообщения до этого"),
    ("read/keep_unread", "не отмечать прочитанными"),
    ("ack/@about", "подтвердить сообщение"),
    ("ack/@after", "Пример:\n  conclave ack 1234"),
    ("ack/message", "номер сообщения"),
    ("message/@about", "рассмотреть одно сообщение и сделать с ним что-либо"),
    ("message show/@about", "показать сообщение и то, кто и когда его получил, прочитал и подтвердил"),
    ("message show/@after", "Пример:\n  conclave message show 1234"),
    ("message show/message", "номер сообщения"),
    (
        "message disclose/@about",
        "отдать одно сообщение постороннему с доказательством, кто и когда его написал. Журнал это запишет; вернуть нельзя",
    ),
    (
        "message disclose/@after",
        "Примеры:\n  conclave message disclose 1234 --out 1234.disclosure\n  conclave message disclose 1234 --out 1234.disclosure --plan",
    ),
    ("message disclose/message", "номер сообщения"),
    (
        "message disclose/out",
        "куда записать; прочесть сможете только вы. Существующий файл останется как есть",
    ),
    ("message disclose/plan", "только показать, что будет раскрыто"),
    (
        "message receipt/@about",
        "записать квитанцию сообщения: что оно есть в журнале и кем подписано. Она ничего не открывает",
    ),
    ("message receipt/@after", "Пример:\n  conclave message receipt 1234 --out 1234.receipt"),
    ("message receipt/message", "номер сообщения"),
    ("message receipt/out", "куда записать; существующий файл останется как есть"),
    ("message report/@about", "сообщить офицерам, что с сообщением что-то не так"),
    ("message report/@after", "Пример:\n  conclave message report 1234 --reason not-mine"),
    ("message report/message", "номер сообщения"),
    (
        "message report/reason",
        "что не так: not-mine — автором названы вы, но это писали не вы; mislabelled — неверный гриф; other — иное, о чём вы \
         скажете офицеру сами",
    ),
    ("watch/@about", "показывать происходящее по мере того, как оно происходит"),
    ("watch/@after", "Пример:\n  conclave watch"),
    ("conv/@about", "беседы: личные и группы"),
    (
        "conv new/@about",
        "начать группу (название читается со стандартного ввода или набирается) или личную беседу",
    ),
    (
        "conv new/@after",
        "Примеры:\n  echo 'Ночная смена' | conclave conv new @boris @vera\n  conclave conv new --private @boris",
    ),
    ("conv new/people", "кого пригласить: @имя"),
    ("conv new/private", "личная беседа с одним человеком"),
    ("conv new/untitled", "группа без названия"),
    ("conv new/ceiling", "высший гриф сообщений"),
    ("conv new/default_label", "гриф сообщений, в которых он не указан"),
    ("conv list/@about", "список ваших бесед"),
    ("conv list/@after", "Пример:\n  conclave conv list"),
    ("conv show/@about", "показать беседу и её участников"),
    ("conv show/@after", "Пример:\n  conclave conv show 'Ночная смена'"),
    ("conv show/of", "какая беседа: @имя, #номер или начало названия"),
    ("conv invite/@about", "пригласить человека в группу"),
    ("conv invite/@after", "Пример:\n  conclave conv invite 'Ночная смена' @vera"),
    ("conv invite/of", "какая беседа: #номер или начало названия"),
    ("conv invite/who", "кто: @имя"),
    ("conv remove/@about", "удалить человека из группы"),
    ("conv remove/@after", "Пример:\n  conclave conv remove 'Ночная смена' @vera"),
    ("conv remove/of", "какая беседа: #номер или начало названия"),
    ("conv remove/who", "кто: @имя"),
    ("conv leave/@about", "выйти из группы"),
    ("conv leave/@after", "Пример:\n  conclave conv leave 'Ночная смена'"),
    ("conv leave/of", "какая беседа: #номер или начало названия"),
    ("conv owner/@about", "передать группу другому участнику"),
    ("conv owner/@after", "Пример:\n  conclave conv owner 'Ночная смена' @boris"),
    ("conv owner/of", "какая беседа: #номер или начало названия"),
    ("conv owner/who", "кто: @имя"),
    ("conv share-history/@about", "открыть участнику то, что написано до его прихода"),
    ("conv share-history/@after", "Пример:\n  conclave conv share-history 'Ночная смена' @vera"),
    ("conv share-history/of", "какая беседа: #номер или начало названия"),
    ("conv share-history/who", "кто: @имя"),
    ("file/@about", "файлы, приходящие с сообщениями"),
    ("file send/@about", "отправить файл с сообщением"),
    ("file send/@after", "Пример:\n  conclave file send @boris отчёт.pdf"),
    ("file send/to", "кому: @имя, #номер или начало названия группы"),
    ("file send/file", "файл"),
    ("file send/with_text", "прочитать сопроводительный текст со стандартного ввода"),
    ("file list/@about", "список файлов"),
    ("file list/@after", "Пример:\n  conclave file list @boris"),
    ("file list/of", "какая беседа; иначе все"),
    ("file view/@about", "показать текстовый файл; ничего не записывается"),
    ("file view/@after", "Пример:\n  conclave file view 1234"),
    ("file view/message", "номер сообщения"),
    ("file save/@about", "записать файл на этот компьютер, если позволяют правила"),
    ("file save/@after", "Пример:\n  conclave file save 1234 отчёт.pdf"),
    ("file save/message", "номер сообщения"),
    ("file save/to", "куда; иначе в этот каталог под своим именем. Ничего не перезаписывается"),
    ("file verify/@about", "получить файл, проверить и ничего не оставить"),
    ("file verify/@after", "Пример:\n  conclave file verify 1234"),
    ("file verify/message", "номер сообщения"),
    ("erase/@about", "стереть навсегда и везде"),
    ("erase plan/@about", "показать, что будет стёрто и есть ли у вас право"),
    (
        "erase plan/@after",
        "Примеры:\n  conclave erase plan 1234\n  conclave erase plan --conversation @boris",
    ),
    ("erase plan/messages", "номера сообщений, все из одной беседы"),
    ("erase plan/conversation", "вся беседа: @имя, #номер или начало названия"),
    ("erase do/@about", "стереть. Вернуть нельзя"),
    ("erase do/@after", "Примеры:\n  conclave erase do 1234\n  conclave erase do --conversation @boris"),
    ("erase do/messages", "номера сообщений, все из одной беседы"),
    ("erase orders/@about", "перечислить касающиеся вас распоряжения двух офицеров о стирании"),
    ("erase orders/@after", "Пример: conclave erase orders"),
    (
        "erase object/@about",
        "возразить против распоряжения до его исполнения: тогда двое офицеров должны его подтвердить",
    ),
    ("erase object/@after", "Пример: conclave erase object 1400"),
    ("erase object/order", "номер распоряжения, как его показывает `conclave erase orders`"),
    ("erase do/conversation", "вся беседа: @имя, #номер или начало названия"),
    ("search/@about", "искать среди сообщений, которые держит агент"),
    ("search/@after", "Пример:\n  conclave search маяк"),
    ("search/query", "слова, которые есть в сообщении"),
    ("agent/@about", "сам агент; его запускает `login`"),
    ("agent/idle_ms", "блокировать после стольких миллисекунд бездействия"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::CommandFactory;
    use console::{stale, untranslated};

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_text_is_there_in_russian_and_none_is_left_over() {
        assert_eq!(untranslated(&Cli::command(), TABLE), Vec::<String>::new());
        let stale: Vec<String> =
            stale(&Cli::command(), TABLE).into_iter().filter(|id| !id.starts_with('*')).collect();
        assert_eq!(stale, Vec::<String>::new());
    }

    #[test]
    fn every_command_that_does_something_has_an_example() {
        fn walk(command: &clap::Command, path: &str) {
            let visible = |sub: &&clap::Command| !sub.is_hide_set();
            for sub in command.get_subcommands().filter(visible) {
                let path = format!("{path} {}", sub.get_name());
                if sub.get_subcommands().next().is_none() {
                    assert!(sub.get_after_help().is_some(), "no example in{path}");
                }
                walk(sub, &path);
            }
        }
        walk(&Cli::command(), "");
    }
}
