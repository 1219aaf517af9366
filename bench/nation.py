"""A synthetic country: counties with their schools, from a seed. Nothing in it is about a real school or county.

Made to be like what a ministry gets: schools of every kind with integrated ones among them, sizes from a few pupils to
thousands, counties that are even and counties that are not, values on the printed limits and just beside them, and
facts that nobody sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench import synthetic
from bench.synthetic import Columns, Floats, Truths
from engine.check.ir import Program

__all__ = ["KINDS", "Nation", "nation"]

KINDS = {
    "primary": 0.5,
    "teaching_point": 0.12,
    "junior": 0.19,
    "nine_year": 0.12,
    "twelve_year": 0.02,
    "complete_secondary": 0.04,
    "special": 0.01,
}
"""How common each kind of school is."""
CLEAN = 0.35
"""The share of counties where everything is in order and everything was sent."""
MISSING = 0.01
"""The share of facts that the schools of other counties did not send."""
ON_LIMIT = 0.05
"""How often an indicator lies exactly on its limit."""

# Per 100 pupils or per pupil, as the standard has them: primary, junior.
_PER_PUPIL = {
    "above_degree": (4.2, 5.3),
    "backbone": (1.0, 1.0),
    "sports_arts": (0.9, 0.9),
    "teaching_area": (4.5, 5.8),
    "sports_area": (7.5, 10.2),
    "equipment": (2000.0, 2500.0),
    "rooms": (2.3, 2.4),
}


@dataclass(frozen=True)
class Nation:
    """Counties and their schools; `county_of` gives the row of each school's county, ascending."""

    counties: Columns
    schools: Columns
    county_of: npt.NDArray[np.intp]


def nation(program: Program, counties: int, schools: int, seed: int = 1) -> Nation:
    """A country for a program of counties whose aggregates read their schools."""
    rng = np.random.default_rng(seed)
    weights = rng.gamma(3.0, size=counties)
    sizes = 1 + rng.multinomial(schools - counties, weights / weights.sum())
    county_of = np.repeat(np.arange(counties), sizes)
    clean = rng.random(counties) < CLEAN
    columns = synthetic.columns(program, 1, counties, seed + 1, missing=0.02, met=0.98)
    # Measures of the schools are made from the schools; the county sends the others.
    numbers, truths = dict(columns.numbers), dict(columns.truths)
    for name, spec in program.facts.items():
        if spec.derive is not None:
            if name in truths:
                truths[name] = np.full(counties, synthetic.UNKNOWN, dtype=np.uint8)
            elif name in numbers:
                numbers[name] = np.full(counties, np.nan)
    for name in ("left_behind_care_system_in_place", "performance_pay_set_in_full"):
        truths[name] = np.where(clean, synthetic.TRUE, truths[name]).astype(np.uint8)
    places = np.zeros(counties, dtype=np.uint8)
    of_schools = _Schools(program.members["school"], rng, county_of, clean).columns()
    return Nation(Columns(program, numbers, truths, places), of_schools, county_of)


class _Schools:
    def __init__(
        self, program: Program, rng: np.random.Generator, county_of: npt.NDArray[np.intp], clean: npt.NDArray[np.bool_]
    ) -> None:
        self.program = program
        self.rng = rng
        self.count = len(county_of)
        self.clean = clean[county_of]
        # How rich a county is, and how far apart its schools are.
        richness = rng.lognormal(0.12, 0.1, len(clean))
        self.richness = np.where(clean, np.maximum(richness, 1.05), richness)[county_of]
        self.spread = np.where(clean, 0.04, rng.uniform(0.1, 0.6, len(clean)))[county_of]

    def columns(self) -> Columns:
        """All that the aggregates read of schools."""
        values = self._values()
        numbers: dict[str, Floats] = {}
        truths: dict[str, Truths] = {}
        for name, spec in self.program.facts.items():
            if spec.type_name == "boolean":
                truths[name] = self._truth(name, derived=spec.derive is not None)
            elif spec.derive is not None:
                numbers[name] = np.full(self.count, np.nan)
            else:
                numbers[name] = self._sent(name, values)
        return Columns(self.program, numbers, truths, np.zeros(self.count, dtype=np.uint8))

    def _truth(self, name: str, *, derived: bool) -> Truths:
        if derived:
            return np.full(self.count, synthetic.UNKNOWN, dtype=np.uint8)
        bad = name in ("excessive_schoolwork_found", "key_class_kept")
        rare = name in ("dense_central_urban_school", "has_attached_classes", "rural_small_school")
        good = self.rng.random(self.count) >= np.where(self.clean, 0.0, 0.005)
        truth = self.rng.random(self.count) < 0.05 if rare else ~good if bad else good
        column = np.where(truth, synthetic.TRUE, synthetic.FALSE).astype(np.uint8)
        column[self._unsent()] = synthetic.UNKNOWN
        return column

    def _unsent(self) -> npt.NDArray[np.bool_]:
        return (self.rng.random(self.count) < MISSING) & ~self.clean

    def _sent(self, name: str, values: dict[str, Floats]) -> Floats:
        spec = self.program.facts[name]
        column = values.get(name)
        if column is None:
            column = synthetic.columns_of(self.rng, spec, self.count)
        column = column.copy()
        if name not in ("school_kind", "primary_pupils", "junior_pupils"):
            column[self._unsent()] = np.nan
        return column

    def _per(self, measure: str, stage: int) -> Floats:
        """An indicator of each school: its county's level, its own spread, some exactly on the limit."""
        limit = _PER_PUPIL[measure][stage]
        drawn = limit * self.richness * self.rng.lognormal(0.08, self.spread)
        drawn = np.where(self.clean, np.maximum(drawn, limit * 1.01), drawn)
        return np.where(self.rng.random(self.count) < ON_LIMIT, limit, drawn)

    def _values(self) -> dict[str, Floats]:
        rng, count = self.rng, self.count
        options = self.program.facts["school_kind"].options
        names, shares = list(KINDS), np.array(list(KINDS.values()))
        kind = np.array([options.index(n) for n in names])[rng.choice(len(names), count, p=shares / shares.sum())]

        def among(*chosen: str) -> npt.NDArray[np.bool_]:
            return np.isin(kind, [options.index(c) for c in chosen])

        size = np.rint(np.clip(rng.lognormal(6.2, 0.7, count), 60, 1990))
        size = np.where(among("teaching_point"), rng.integers(4, 120, count), size)
        primary = np.where(among("primary", "teaching_point", "special"), size, 0.0)
        primary = np.where(among("nine_year", "twelve_year"), np.rint(size * 0.62), primary)
        junior = np.where(among("junior", "complete_secondary"), size, 0.0)
        junior = np.where(among("nine_year", "twelve_year"), size - np.rint(size * 0.62), junior)
        senior = np.where(among("complete_secondary", "twelve_year"), np.rint(size * 0.7), 0.0)
        shared = primary + 1.1 * junior + 1.32 * senior
        gym = np.round(rng.uniform(0, 900, count), 2)
        stage = np.where(primary > 0, 0, 1)

        def per_shared(measure: str) -> Floats:
            both = np.where(stage == 0, self._per(measure, 0), self._per(measure, 1))
            # An integrated school needs the stricter of both, so that it may pass at all.
            both = np.where((primary > 0) & (junior > 0), np.maximum(both, self._per(measure, 1)), both)
            return both * shared

        classes_p = np.ceil(primary / rng.integers(36, 46, count))
        classes_j = np.ceil(junior / rng.integers(38, 51, count))
        rooms = np.ceil((classes_p + classes_j) / 12) + (rng.random(count) < 0.3)
        found = {
            "school_kind": kind.astype(np.float64),
            "primary_pupils": primary,
            "junior_pupils": junior,
            "senior_pupils": senior,
            "attached_kindergarten_pupils_converted": np.zeros(count),
            "primary_classes": classes_p,
            "junior_classes": classes_j,
            "max_class_size_primary": np.where(classes_p > 0, np.ceil(primary / np.maximum(classes_p, 1)), np.nan),
            "max_class_size_junior": np.where(classes_j > 0, np.ceil(junior / np.maximum(classes_j, 1)), np.nan),
            "indoor_sports_room_area": gym,
            "gymnasium_area": gym,
            "teaching_floor_area": np.round(per_shared("teaching_area") + gym, 2),
            "campus_sports_ground_area": np.round(per_shared("sports_area"), 2),
            "extra_sports_area": np.round(rng.uniform(0, 200, count), 2),
            "teaching_equipment_value_wan_yuan": np.round(per_shared("equipment") / 10_000, 4),
            "networked_multimedia_rooms": np.ceil(per_shared("rooms") / 100),
            "music_rooms": rooms,
            "art_rooms": rooms,
            "smallest_music_room_area": np.where(self.clean, 96.0, rng.choice([73.0, 95.99, 96.0, 110.0], count)),
            "smallest_art_room_area": np.where(self.clean, 90.0, rng.choice([67.0, 89.99, 90.0, 100.0], count)),
            "public_funds_pupils": np.maximum(primary + junior, 100.0),
            "training_funds_share_of_public_budget": np.where(
                self.clean, 6.0, rng.choice([4.99, 5.0, 5.5, 8.0], count)
            ),
            "moral_education_grade": np.where(self.clean, 3.0, rng.choice([1.0, 2.0, 3.0], count, p=[0.01, 0.49, 0.5])),
            "school_culture_grade": np.where(self.clean, 2.0, rng.choice([1.0, 2.0, 3.0], count, p=[0.01, 0.49, 0.5])),
            "migrant_pupils_share": np.round(rng.uniform(0, 60, count), 2),
        }
        for section, pupils, index in (("primary", primary, 0), ("junior", junior, 1)):
            found |= self._teachers(section, pupils, index)
        return found

    def _teachers(self, section: str, pupils: Floats, stage: int) -> dict[str, Floats]:
        """Whole teachers, as many as the indicators say, split over what schools report."""

        def whole(measure: str) -> Floats:
            return np.ceil(self._per(measure, stage) * pupils / 100)

        degree, arts = whole("above_degree"), whole("sports_arts")
        master = np.floor(degree * 0.1)
        found = {
            f"{section}_teachers_doctor": np.zeros(self.count),
            f"{section}_teachers_master": master,
            f"{section}_teachers_bachelor": degree - master,
            f"{section}_backbone_teachers": whole("backbone"),
            f"{section}_pe_teachers": np.ceil(arts / 2),
            f"{section}_music_teachers": np.floor(arts / 4),
            f"{section}_fine_art_teachers": arts - np.ceil(arts / 2) - np.floor(arts / 4),
            f"{section}_art_teachers": np.zeros(self.count),
            f"{section}_shared_sports_arts_teachers": np.zeros(self.count),
        }
        if section == "primary":
            found["primary_teachers_college"] = np.zeros(self.count)
        return found
