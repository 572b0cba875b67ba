"""A run that tests of models and of questions share."""

import pytest
from trained_runs import Trained, run

from recall.runs import checkpoints


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Two seeds, trained to their ends."""
    workdir, kept = tmp_path_factory.mktemp("trained"), {}
    save = checkpoints.save

    def remember(path, model):
        kept[model.search.seed] = model
        save(path, model)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "save", remember)
        rows = run(workdir)
    return Trained(workdir, rows, kept)


@pytest.fixture(scope="session")
def model(trained):
    """The model of seed 0, read back."""
    return checkpoints.load(checkpoints.path_of(trained.workdir, 0))
