from mtattr.twins.cars.badges import ENAMEL
from mtattr.twins.cars.grilles import BADGE_PLACE, GRILLES
from mtattr.twins.cars.makes import BODIES, MAKES, MODEL_OF, MODELS, TASKS, TYPES, bodies_of
from mtattr.twins.cars.tail_lamps import TAIL_LAMPS


def test_every_make_has_four_models_of_different_bodies():
    assert len(MAKES) >= 12
    assert len(MODELS) == 4 * len(MAKES)
    for make in range(len(MAKES)):
        models = [model for model in MODELS if model.make == make]
        assert len({model.body for model in models}) == 4
        assert sorted(model.body for model in models) == sorted(bodies_of(make))
        assert {"sedan", "hatchback", "SUV"} < {BODIES[model.body] for model in models}


def test_ids_are_sparse_one_based_and_sorted_like_the_classes():
    models, makes = [model.id for model in MODELS], [make[1] for make in MAKES]
    for ids in (models, makes):
        assert ids == sorted(set(ids))
        assert ids[0] >= 1
        assert ids[-1] > 5 * len(ids)
    # Neither make nor body can be read off a model's rank.
    assert any(MODELS[m].make != MODELS[m + 1].make and MODELS[m].body != MODELS[m + 1].body for m in range(len(MODELS) - 1))
    assert all(MODELS[m].make == make and MODELS[m].body == body for (make, body), m in MODEL_OF.items())


def test_tasks_carry_names_and_regions():
    assert TASKS.names == ("model", "make", "type")
    model, make, kind = TASKS
    assert len(set(model.values)) == len(MODELS)
    assert all(name.startswith(MAKES[m.make][0] + " ") for name, m in zip(model.values, MODELS, strict=True))
    assert make.values == tuple(entry[0] for entry in MAKES)
    assert kind.values == TYPES
    assert len(TYPES) == 12
    assert {BODIES[m.body] if m.type is None else TYPES[m.type] for m in MODELS} == set(BODIES)
    assert 0 < sum(m.type is None for m in MODELS) < 5
    assert all(task.region and task.group for task in TASKS)


def test_every_make_has_marks_of_its_own():
    for marks in (GRILLES, TAIL_LAMPS, ENAMEL, BADGE_PLACE):
        assert len(marks) == len(MAKES)
    for designs in (GRILLES, TAIL_LAMPS):
        assert len(set(designs)) == len(MAKES)
