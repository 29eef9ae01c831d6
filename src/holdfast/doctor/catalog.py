"""Every cause the doctor knows, in the order of its codes."""

from __future__ import annotations

from holdfast.doctor.cause import Cause
from holdfast.doctor.causes import (
    environment,
    exceptions,
    feature_step,
    missing_variable,
    nulls,
    order,
    other_model,
    population,
    randomness,
    seed,
    source,
    target,
    unexplained,
    unseen,
    unusual,
)

CAUSES: tuple[Cause, ...] = (
    environment.LIBRARIES,
    environment.PYTHON,
    environment.PLATFORM,
    seed.SEED,
    source.SOURCE,
    order.ORDER,
    feature_step.STEP,
    missing_variable.MISSING,
    nulls.NULLS,
    unseen.UNSEEN,
    unusual.UNUSUAL,
    randomness.RANDOM,
    population.POPULATION,
    exceptions.EXCEPTIONS,
    target.TARGET,
    other_model.MODEL,
    unexplained.UNEXPLAINED,
)
