//! The timeline as a drawing: volumes by day as bars, and a lane for each kind of event.
//! Never draws more marks than the drawing has places: what falls on one place is one mark, and each lane says how many
//! there are.

use journal::retention::DAY_MS;
use std::collections::{BTreeMap, BTreeSet};

use console::when::{parse_rfc3339, rfc3339};

use super::Page;
use crate::html::Html;
use crate::report::Timeline;
use crate::timeline::{DayCounts, EventKind};

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 250.0;
const RIGHT: f64 = 988.0;
const LANE: f64 = 30.0;
/// Bars next to each other; of a longer log each stands for several days.
const BARS_MAX: u64 = 366;
/// Of few days none is a wall.
const BAR_WIDTH_MAX: f64 = 60.0;
/// A digit under the drawing is about as wide.
const LETTER: f64 = 8.5;
/// Most ticks under the drawing.
const TICKS_MAX: u64 = 12;

/// Where times lie on the drawing.
struct Scale {
    from_ms: u64,
    to_ms: u64,
}

impl Scale {
    /// Of all that is to be drawn; never empty.
    fn new(timeline: &Timeline) -> Self {
        let days = timeline.days.iter().map(|day| day.at_ms);
        let from_ms = days.clone().min().unwrap_or(0);
        let last = days.max().unwrap_or(0);
        Self { from_ms, to_ms: last.saturating_add(DAY_MS) }
    }

    fn x(&self, at_ms: u64) -> f64 {
        let part = at_ms.saturating_sub(self.from_ms) as f64 / (self.to_ms - self.from_ms) as f64;
        LEFT + (RIGHT - LEFT) * part.min(1.0)
    }

    fn days(&self) -> u64 {
        (self.to_ms - self.from_ms).div_ceil(DAY_MS)
    }

    /// Where a date is written, and how.
    fn ticks(&self) -> Vec<(u64, String)> {
        let days = self.days();
        if days <= 62 {
            let step = days.div_ceil(TICKS_MAX).max(1);
            let at =
                (0..days).step_by(usize::try_from(step).unwrap_or(1)).map(|day| self.from_ms + day * DAY_MS);
            return at.map(|at| (at, rfc3339(at).chars().skip(5).take(5).collect())).collect();
        }
        let months = days / 28;
        let step = match months.div_ceil(TICKS_MAX) {
            step @ 0..=3 => step.max(1),
            4..=6 => 6,
            more => more.div_ceil(12) * 12,
        };
        let year: u64 = rfc3339(self.from_ms).chars().take(4).collect::<String>().parse().unwrap_or(9999);
        let starts = (0..).map(|month| month * step).map(|month| (year + month / 12, month % 12 + 1));
        let starts = starts.map_while(|(year, month)| {
            Some((
                parse_rfc3339(&format!("{year:04}-{month:02}-01T00:00:00Z"))?,
                format!("{year:04}-{month:02}"),
            ))
        });
        let inside = |(at, _): &(u64, String)| *at < self.to_ms;
        starts.take_while(inside).filter(|(at, _)| *at >= self.from_ms).collect()
    }
}

/// A drawing that grows downwards.
struct Drawing {
    html: Html,
    y: f64,
}

impl Page<'_> {
    pub(super) fn timeline(&self, html: &mut Html) {
        html.leaf("h2", &[], self.t("Timeline", "Хронология"));
        let timeline = &self.report.timeline;
        if timeline.days.is_empty() {
            html.leaf("p", &[], self.t("There are no entries.", "Записей нет."));
            return;
        }
        let scale = Scale::new(timeline);
        let height = self.height(timeline);
        html.open("figure", &[]);
        html.open(
            "svg",
            &[
                ("viewBox", &format!("0 0 {WIDTH} {height}")),
                ("role", &"img"),
                ("aria-label", &self.t("Timeline", "Хронология")),
            ],
        );
        let mut drawing = Drawing { html: std::mem::take(html), y: 0.0 };
        drawing.grid(&scale, height);
        self.bars(&mut drawing, &scale);
        self.running(&mut drawing, &scale);
        for (label, kinds, sharp) in self.lanes() {
            self.lane(&mut drawing, &scale, label, &kinds, sharp);
        }
        self.ends(&mut drawing, &scale);
        *html = drawing.html;
        html.close();
        html.close();
        self.legend(html, &scale);
    }

    fn height(&self, timeline: &Timeline) -> f64 {
        let failed = timeline.days.iter().any(|day| day.counts.failed_logins > 0);
        let bars = if failed { 3.0 } else { 2.0 };
        bars * BAR_LANE + LANE * (self.lanes().len() + 2) as f64 + 26.0
    }

    fn lanes(&self) -> Vec<(&'static str, Vec<EventKind>, bool)> {
        vec![
            (self.t("clock steps", "сбои часов"), vec![EventKind::ClockStep, EventKind::ClockSet], true),
            (self.t("alarms", "тревоги"), vec![EventKind::Alarm], true),
            (self.t("erasures done", "исполнено стираний"), vec![EventKind::Erased], false),
            (self.t("enrolments", "внесено лиц"), vec![EventKind::Enrolled], false),
            (self.t("revocations", "отзывы"), vec![EventKind::Revoked], true),
            (self.t("new log keys", "новые ключи журнала"), vec![EventKind::Period], false),
            (self.t("successions", "преемства"), vec![EventKind::Succession], true),
        ]
    }

    fn bars(&self, drawing: &mut Drawing, scale: &Scale) {
        type Of = fn(&DayCounts) -> u64;
        let days = &self.report.timeline.days;
        let each = scale.days().div_ceil(BARS_MAX).max(1);
        let lanes: [(&'static str, Of, &'static str); 3] = [
            (self.t("messages", "сообщения"), |day| day.messages, "bar"),
            (self.t("logins", "входы"), |day| day.logins, "bar"),
            (self.t("failed logins", "неудачные входы"), |day| day.failed_logins, "bar failed"),
        ];
        for (label, of, class) in lanes {
            let mut bars: BTreeMap<u64, u64> = BTreeMap::new();
            for day in days {
                let bar = (day.at_ms - scale.from_ms) / DAY_MS / each;
                let sum = bars.entry(bar).or_default();
                *sum = sum.saturating_add(of(&day.counts));
            }
            let (most, all) = (bars.values().copied().max().unwrap_or(0), bars.values().sum::<u64>());
            if most == 0 && class == "bar failed" {
                continue;
            }
            drawing.label(&format!("{label}: {all}"), BAR_LANE / 2.0 - 4.0);
            let peak = self.lang.pick(format!("most: {most}"), format!("наибольшее: {most}"));
            drawing.small(&peak, BAR_LANE / 2.0 + 14.0);
            drawing.base(BAR_LANE);
            for (bar, count) in bars.into_iter().filter(|(_, count)| *count > 0) {
                let at = scale.from_ms + bar * each * DAY_MS;
                let (x, end) = (scale.x(at), scale.x(at.saturating_add(each * DAY_MS)));
                // A day on which anything happened is seen, however full another one was.
                let height = ((BAR_LANE - 12.0) * count as f64 / most as f64).max(1.5);
                let width = (end - x - 0.4).clamp(0.8, BAR_WIDTH_MAX);
                drawing.rect(class, x, drawing.y + BAR_LANE - height, width, height);
            }
            drawing.y += BAR_LANE;
        }
    }

    /// When the server ran, by its own word; a start without a stop is a notch.
    fn running(&self, drawing: &mut Drawing, scale: &Scale) {
        let timeline = &self.report.timeline;
        let (mut since, mut starts, mut unclean) = (None, 0_u64, BTreeSet::new());
        let mut runs = Vec::new();
        for event in &timeline.events {
            match event.kind {
                EventKind::Start | EventKind::UncleanStart => {
                    starts += 1;
                    since = since.or(Some(event.at_ms));
                    if event.kind == EventKind::UncleanStart {
                        unclean.insert(place(scale.x(event.at_ms)));
                    }
                }
                EventKind::Stop => runs.extend(since.take().map(|from| (from, event.at_ms))),
                EventKind::ClockStep
                | EventKind::ClockSet
                | EventKind::Erased
                | EventKind::Alarm
                | EventKind::Period
                | EventKind::Enrolled
                | EventKind::Revoked
                | EventKind::Succession => {}
            }
        }
        let last = parse_rfc3339(&self.report.span[1]).unwrap_or(scale.to_ms);
        runs.extend(since.map(|from| (from, last)));
        let label = self
            .lang
            .pick(format!("server ran, starts: {starts}"), format!("работа сервера, пусков: {starts}"));
        drawing.label(&label, LANE / 2.0 + 5.0);
        let mut places = BTreeSet::new();
        for (from, to) in runs {
            // Where the clock was set back, a run may end before it began.
            let (x, end) = (scale.x(from.min(to)), scale.x(from.max(to)));
            if places.insert((place(x), place(end))) {
                drawing.rect("run", x, drawing.y + 8.0, (end - x).max(1.0), LANE - 16.0);
            }
        }
        unclean.into_iter().for_each(|at| drawing.notch(at));
        drawing.y += LANE;
    }

    fn lane(&self, drawing: &mut Drawing, scale: &Scale, label: &str, kinds: &[EventKind], sharp: bool) {
        let events = self.report.timeline.events.iter().filter(|event| kinds.contains(&event.kind));
        drawing.marks(label, events.map(|event| scale.x(event.at_ms)), sharp);
    }

    /// Certificates whose time ended within the log.
    fn ends(&self, drawing: &mut Drawing, scale: &Scale) {
        let ends = self.report.certificates.iter().map(|row| row.until_ms);
        let inside = ends.filter(|at| (scale.from_ms..scale.to_ms).contains(at)).map(|at| scale.x(at));
        drawing.marks(self.t("certificates run out", "истекло сертификатов"), inside, true);
    }

    fn legend(&self, html: &mut Html, scale: &Scale) {
        let each = scale.days().div_ceil(BARS_MAX).max(1);
        let bars = match each {
            1 => self.t("Each bar is one day (UTC).", "Каждый столбик — одни сутки (UTC).").to_owned(),
            _ => self.lang.pick(
                format!("Each bar stands for {each} days (UTC)."),
                format!("Каждый столбик — {each} сут. (UTC)."),
            ),
        };
        let marks = self.t(
            "Diamonds are what should be rare; plain strokes are daily business; a triangle is a start without a stop. Messages, \
             logins, enrolments, revocations and successions are signed; the rest is the server's word.",
            "Ромб — то, чему полагается быть редким; черта — обычное дело; треугольник — пуск без остановки. Сообщения, входы, \
             внесение и отзыв лиц, преемства подписаны; остальное — слова сервера.",
        );
        html.leaf("p", &[("class", &"quiet")], &format!("{bars} {marks}"));
        let timeline = &self.report.timeline;
        self.more(html, timeline.days_more.saturating_add(timeline.events_more));
    }
}

const BAR_LANE: f64 = 74.0;

/// The place of a mark: half a unit wide, so that a drawing has a bounded number of them.
fn place(x: f64) -> u32 {
    (x * 2.0) as u32
}

impl Drawing {
    fn grid(&mut self, scale: &Scale, height: f64) {
        let mut free = LEFT;
        for (at, label) in scale.ticks() {
            let (left, x) = (scale.x(at), fixed(scale.x(at)));
            self.line("grid", &x, 0.0, &x, height - 24.0);
            // A label that would not fit, or would run into the one before it, is left out; its line stands.
            let right = left + LETTER * label.len() as f64;
            if left >= free && right <= WIDTH {
                self.html.leaf("text", &[("class", &"axis"), ("x", &x), ("y", &fixed(height - 6.0))], &label);
                free = right + LETTER;
            }
        }
    }

    fn label(&mut self, text: &str, below: f64) {
        self.html.leaf("text", &[("x", &"0"), ("y", &fixed(self.y + below))], text);
    }

    fn small(&mut self, text: &str, below: f64) {
        self.html.leaf("text", &[("class", &"axis"), ("x", &"0"), ("y", &fixed(self.y + below))], text);
    }

    fn base(&mut self, below: f64) {
        let y = self.y + below;
        self.line("base", &fixed(LEFT), y, &fixed(RIGHT), y);
    }

    /// A lane of marks under a label that says how many.
    fn marks(&mut self, label: &str, at: impl Iterator<Item = f64>, sharp: bool) {
        let (mut places, mut count) = (BTreeSet::new(), 0_u64);
        for x in at {
            count += 1;
            places.insert(place(x));
        }
        self.label(&format!("{label}: {count}"), LANE / 2.0 + 5.0);
        self.base(LANE);
        for at in places {
            let (x, y) = (f64::from(at) / 2.0, self.y + LANE / 2.0);
            if sharp {
                let points = [(x, y - 7.0), (x + 5.0, y), (x, y + 7.0), (x - 5.0, y)];
                self.polygon("sharp", &points);
            } else {
                self.line("mark", &fixed(x), y - 7.0, &fixed(x), y + 7.0);
            }
        }
        self.y += LANE;
    }

    fn notch(&mut self, at: u32) {
        let (x, y) = (f64::from(at) / 2.0, self.y);
        self.polygon("sharp", &[(x - 5.0, y + 1.0), (x + 5.0, y + 1.0), (x, y + 11.0)]);
    }

    fn polygon(&mut self, class: &'static str, points: &[(f64, f64)]) {
        let points: Vec<String> =
            points.iter().map(|(x, y)| format!("{},{}", fixed(*x), fixed(*y))).collect();
        self.html.empty("polygon", &[("class", &class), ("points", &points.join(" "))]);
    }

    fn rect(&mut self, class: &'static str, x: f64, y: f64, width: f64, height: f64) {
        let [x, y, width, height] = [x, y, width, height].map(fixed);
        self.html.empty(
            "rect",
            &[("class", &class), ("x", &x), ("y", &y), ("width", &width), ("height", &height)],
        );
    }

    fn line(&mut self, class: &'static str, x1: &str, y1: f64, x2: &str, y2: f64) {
        let (y1, y2) = (fixed(y1), fixed(y2));
        self.html.empty("line", &[("class", &class), ("x1", &x1), ("y1", &y1), ("x2", &x2), ("y2", &y2)]);
    }
}

/// One digit behind the point: the same on every machine.
fn fixed(number: f64) -> String {
    format!("{number:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(from: &str, days: u64) -> Vec<String> {
        let from_ms = parse_rfc3339(from).unwrap();
        let scale = Scale { from_ms, to_ms: from_ms + days * DAY_MS };
        scale.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn dates_under_the_drawing_are_round_and_few_however_long_the_log() {
        assert_eq!(ticks("2026-01-30T00:00:00Z", 3), ["01-30", "01-31", "02-01"]);
        let year = ticks("2026-01-10T00:00:00Z", 365);
        assert_eq!((year.first().unwrap().as_str(), year.last().unwrap().as_str()), ("2026-03", "2027-01"));
        for days in [1, 62, 63, 300, 366, 800, 3660, 20_000, 2_900_000] {
            let count = ticks("2026-01-10T00:00:00Z", days).len() as u64;
            assert!((1..=TICKS_MAX + 3).contains(&count), "{days}: {count}");
        }
    }

    #[test]
    fn everything_lies_within_the_drawing_whatever_the_clock_said() {
        let scale = Scale { from_ms: 5 * DAY_MS, to_ms: 6 * DAY_MS };
        for at in [0, 5 * DAY_MS, 6 * DAY_MS, u64::MAX] {
            assert!((LEFT..=RIGHT).contains(&scale.x(at)), "{at}");
        }
    }
}
