//! The independent verifier answers a person in Russian where he reads that, and a program as ever.
//! Never judges a file: the other cases do.

use std::process::Command;

use crate::forge::Case;
use crate::{judge, kept};

/// Every sentence and word that a person is told, with `{}` for what is put in, stands in the table, and nothing else does; a
/// sentence's Russian takes as many.
const EVERY_SENTENCE: &str = r#"
import ast, importlib.util, sys
spec = importlib.util.spec_from_file_location("verifier", sys.argv[1])
verifier = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verifier)

def words(node):
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)]
    if isinstance(node, ast.IfExp):
        return words(node.body) + words(node.orelse)
    if isinstance(node, ast.BinOp):
        return [text + "{}" for text in words(node.left)]
    if isinstance(node, ast.Call):
        return [text for part in node.args for text in words(part)]
    return []

# Which of their arguments is told.
TELLING = {"Bad": 0, "tell": 0, "shape": 2, "choice": 2}
nodes = list(ast.walk(ast.parse(open(sys.argv[1], encoding="utf-8").read())))
calls = [node for node in nodes if isinstance(node, ast.Call)]
found = [call.args[TELLING[call.func.id]] for call in calls if getattr(call.func, "id", "") in TELLING]
journal = next(node for node in nodes if isinstance(node, ast.ClassDef) and node.name == "Journal")
verify = next(node for node in journal.body if getattr(node, "name", "") == "verify")
found += [node.value for node in ast.walk(verify) if isinstance(node, ast.Return)]
for node in nodes:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
        names = [getattr(name, "id", "") for name in node.targets[0].elts]
        found += [node.value.elts[names.index("why")]] if "why" in names and isinstance(node.value, ast.Tuple) else []
found += [word.value for call in calls for word in call.keywords if word.arg == "kind"]
# Of a whole journal a sentence of its own is told, without the word.
said = {text for node in found for text in words(node)} - {"whole"} | set(verifier.WORDS.values())
table = {sentence.replace("{*}", "{}"): russian for sentence, russian in verifier.RU.items()}
uneven = [en for en, ru in table.items() if en.count("{}") != ru.count("{}")]
print(len(said), sorted(said - set(table)), sorted(set(table) - said), uneven)
"#;

#[test]
fn every_sentence_of_the_python_is_there_in_russian_and_no_other() {
    let mut python = Command::new("python3");
    let out = python.args(["-B", "-c", EVERY_SENTENCE]).arg(judge::verifier()).output().unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    let (count, rest) = said.trim().split_once(' ').unwrap_or_default();
    assert_eq!(rest, "[] [] []", "{}", String::from_utf8_lossy(&out.stderr));
    assert!(count.parse::<u32>().unwrap() > 200, "{count}");
}

#[test]
fn the_python_leaves_a_files_name_alone() {
    let dir = tempfile::tempdir().unwrap();
    let case = &kept::cases()[0];
    let out = judge::asked(case, "range".as_ref(), dir.path())
        .current_dir(dir.path())
        .args(["--lang", "ru"])
        .env("PYTHONIOENCODING", "utf-8")
        .output()
        .unwrap();
    let told = String::from_utf8(out.stdout).unwrap();
    assert!(told.starts_with("НЕ ПРОЧИТАНО: range не читается: "), "{told}");
}

/// What is answered about a kept file, asked in these words and under this locale.
fn answered(case: &Case, words: &[&str], locale: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, &case.file).unwrap();
    let mut command = judge::asked(case, &file, dir.path());
    command
        .args(words)
        .env("LC_ALL", "")
        .env("LC_MESSAGES", locale)
        .env("LANG", "en_GB.UTF-8")
        .env_remove("CONCLAVE_LANG");
    let out = command.env("PYTHONIOENCODING", "utf-8").output().unwrap();
    assert_eq!(out.status.code(), Some(case.exit.into()), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn the_python_answers_in_russian_whoever_reads_it_and_programs_as_ever() {
    let kept = kept::cases();
    let case = |name: &str| kept.iter().find(|case| case.name == format!("kept: {name}")).unwrap();
    let (honest, bent, range) = (case("honest"), case("bent-signature"), case("range"));
    let told = answered(honest, &[], "ru_RU.UTF-8");
    assert!(told.starts_with("ПРОВЕРЕНО: всё, что здесь проверяется, сходится"), "{told}");
    assert!(
        told.contains("\nзаписей всего журнала: ") && told.contains("\nиз прав проверены только те, "),
        "{told}"
    );
    assert_eq!(answered(honest, &["--lang", "ru"], ""), told);
    assert!(answered(honest, &["--lang", "en"], "ru_RU.UTF-8").starts_with("VERIFIED: everything"));
    assert!(
        answered(honest, &[], "").starts_with("VERIFIED: everything"),
        "LANG comes last, and is English here"
    );
    assert!(answered(honest, &[], "run").starts_with("VERIFIED: everything"), "no locale of Russian");
    let index = bent.first_bad.unwrap();
    let told = answered(bent, &["--lang", "ru"], "");
    assert!(told.starts_with(&format!("НЕДЕЙСТВИТЕЛЬНО: запись #{index}: подпись не сходится\n")), "{told}");
    let told = answered(range, &["--lang", "ru"], "");
    assert!(
        told.contains("\nзапрошенных записей: 5, ещё для их проверки: ") && told.contains("(промежуток)"),
        "{told}"
    );
    let program = answered(bent, &["--json"], "");
    assert_eq!(answered(bent, &["--json", "--lang", "ru"], "ru_RU.UTF-8"), program);
    assert!(program.contains(r#""why": "the signature does not verify""#), "{program}");
}

#[test]
fn the_python_reads_the_products_own_language_before_the_locale() {
    let dir = tempfile::tempdir().unwrap();
    let case = &kept::cases()[0];
    for (own, locale, word) in [
        ("ru", "en_GB.UTF-8", "НЕ ПРОЧИТАНО"),
        ("en", "ru_RU.UTF-8", "NOT READ"),
        ("de", "ru", "НЕ ПРОЧИТАНО"),
        ("", "ru.UTF-8", "НЕ ПРОЧИТАНО"),
    ] {
        let mut command = judge::asked(case, "missing".as_ref(), dir.path());
        command.env("CONCLAVE_LANG", own).env("LC_ALL", locale).env("PYTHONIOENCODING", "utf-8");
        let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(told.starts_with(word), "{own} {locale}: {told}");
    }
}
