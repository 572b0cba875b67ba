"""One lane that looks for the largest size that a model stores: a `Search`."""

import abc
import dataclasses
import functools
import hashlib
import json
from typing import Any, ClassVar

from typing_extensions import override

from recall import capacity, training
from recall.data import geometries
from recall.sweeps import batch, lanes

ONE_STEP = training.Recipe(num_steps=1, check_every=1)  # of a construction
# Recipes' budgets that a search spends by estimate: a bracket closes in a few probes,
# growth trains the same weights on.
BUDGETS = {"bisect": 4.0, "grow": 2.2, "grow+bisect": 4.5, "single": 1.0}
TRAINED_COPIES = 5  # of weights: params, opt_state twice, the best, the initial
# A NamedTuple of ints, n_max first. The name of the class is hashed in the names of
# saved states: all are called Shape.
Shape = Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search(batch.Lane, abc.ABC):
    """One search over sizes n for the largest that a model stores.

    Attributes:
        d: width of the embeddings.
        threshold: fraction of the facts that must be recalled.
        seed: of embeddings, facts and initial weights.
        expected: size that theory or earlier measurements predict; opens the bracket.
        limit: ceiling on the size; storing it censors the capacity.
        strategy: how the bracket is opened and closed.
        embedding: a name that `geometries` knows.
        recipe_name: what rows call the recipe.
        recipe: how the model is trained; ignored by constructions.
        learning_rates: tried in order until one stores the facts.
    """

    compile_seconds: ClassVar[float] = 2.0  # of a program on a CPU, measured 1.4-2.5

    d: int
    threshold: float
    seed: int
    expected: int
    limit: int
    strategy: capacity.Strategy
    embedding: str = "sphere"
    recipe_name: str | None = None
    recipe: training.Recipe = ONE_STEP
    learning_rates: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        """Checks that there are such embeddings."""
        geometries.check(self.embedding, self.d)

    @property
    @abc.abstractmethod
    def trained(self) -> bool:
        """Tells whether the weights come from training rather than a formula."""

    @property
    @abc.abstractmethod
    def title(self) -> str:
        """The name that a plan gives to searches of this kind."""

    @property
    @abc.abstractmethod
    def num_parameters(self) -> int:
        """Numbers that the weights hold; biases are not counted, as in the paper."""

    @abc.abstractmethod
    def own_columns(self) -> batch.Row:
        """Returns what rows say about this kind of search."""

    def size_columns(self, n: int) -> batch.Row:
        """Returns what rows say about a size."""
        return {"n": n}

    def facts(self, n: int) -> int:
        """Returns the number of facts at a size."""
        return n

    @abc.abstractmethod
    def room(self) -> int:
        """Returns a size a little above the one that the search expects to end at."""

    @abc.abstractmethod
    def shape_of(self, n_max: int) -> Shape:
        """Returns the smallest shape with room for sizes up to `n_max`."""

    def own_shape(self) -> Shape:
        """Returns the smallest shape that the search is likely to need."""
        return self.shape_of(min(self.limit, self.room()))

    @abc.abstractmethod
    def problem(self, shape: Shape) -> Any:
        """Draws facts and initial weights, and pads them up to a shape."""

    @abc.abstractmethod
    def train(self, shape: Shape) -> Any:
        """Returns `(problem, fit, n, rate) -> fit`: training or a construction."""

    def advance(self, shape: Shape) -> lanes.Advance:
        """Returns the unbatched step of a search of this kind."""
        train = self.train(shape)
        same = {"recipe": self.recipe, "strategy": self.strategy}
        return functools.partial(capacity.advance, train=train, **same)

    @abc.abstractmethod
    def program(self) -> tuple:
        """Returns the settings of the model that its compiled program depends on."""

    def kind(self) -> tuple:
        """Returns all that searches must share to share a program."""
        rates = len(self.learning_rates)  # their values are traced
        return (*self.program(), self.recipe, self.strategy, rates)

    @abc.abstractmethod
    def num_scores(self, shape: Shape) -> int:
        """Returns how many scores one step of one lane computes."""

    @abc.abstractmethod
    def step_seconds(self, shape: Shape) -> float:
        """Estimates the seconds of one step of one lane on one CPU core."""

    @abc.abstractmethod
    def bytes(self, shape: Shape) -> int:
        """Estimates the bytes that one lane holds, but for its scores."""

    def quality(self, problem: Any, params: Any) -> batch.Row | None:
        """Returns columns of a trained model, or None if no such models are kept."""
        del problem, params
        return None

    @property
    def first(self) -> int:
        """The size to probe first; a lane of one size probes no other."""
        if self.strategy.method == "single":
            return self.expected
        return max(1, min(self.limit, int(self.strategy.opening * self.expected)))

    @functools.cached_property
    @override
    def _digest(self) -> str:
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @override
    def columns(self) -> batch.Row:
        return self.own_columns() | {
            "embedding": self.embedding,
            "threshold": self.threshold,
            "seed": self.seed,
            "search": self.digest(),
            "trained": self.trained,
            "recipe": self.recipe_name,
            "method": self.strategy.method,
            "parameters": self.num_parameters,
        }

    def core_seconds(self, shape: Shape) -> float:
        """Estimates the seconds of a search on one CPU core, without compiling."""
        steps = BUDGETS[self.strategy.method] * self.recipe.num_steps
        return steps * self.step_seconds(shape)


def joined(one: Shape, other: Shape) -> Shape:
    """Returns the smallest shape that both fit into: padding by zeros is exact."""
    return type(one)(*map(max, one, other))
