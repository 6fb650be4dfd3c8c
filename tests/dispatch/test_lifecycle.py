"""The table of everything that moves an incident: total, drawn, and the same for everybody who asks it."""

import itertools

import pytest

from dispatch.bodies import KINDS
from dispatch.errors import NotForThisRole, NotInThisStage
from dispatch.lifecycle import (
    ACT_ZH,
    ENDED,
    ROLE_ZH,
    STAGE_ZH,
    TAKEABLE,
    TRANSITIONS,
    Act,
    Role,
    Stage,
    mermaid,
    open_acts,
    require,
    step,
)

STAGES = (None, *Stage)
OUTCOMES = sorted({t.outcome for t in TRANSITIONS})

#: The main line as it is drawn on the wall. Notes and attachments, which move nothing, stand below.
MAIN_LINE = """
    -           report         -> intake      inspector, intake_clerk, shift_leader
    -           import open    -> imported    administrator
    -           import closed  -> closed      administrator
    intake      place          -> intake      intake_clerk, shift_leader
    intake      file           -> dispatch    intake_clerk, shift_leader
    intake      reject         -> rejected    intake_clerk, shift_leader
    intake      ask            -> verifying   intake_clerk, shift_leader
    verifying   verify found   -> intake      inspector, shift_leader
    verifying   verify not_found -> intake    inspector, shift_leader
    verifying   file           -> dispatch    intake_clerk, shift_leader
    verifying   reject         -> rejected    intake_clerk, shift_leader
    verifying   cancel         -> cancelled   shift_leader
    intake      cancel         -> cancelled   shift_leader
    dispatch    dispatch       -> handling    dispatcher, shift_leader
    dispatch    undo           -> intake      dispatcher, intake_clerk, shift_leader
    dispatch    cancel         -> cancelled   shift_leader
    handling    return         -> dispatch    handler
    handling    handle         -> checking    handler
    handling    undo           -> intake      dispatcher, intake_clerk, shift_leader
    handling    cancel         -> cancelled   shift_leader
    checking    check passed   -> closing     inspector, shift_leader
    checking    check failed   -> handling    inspector, shift_leader
    checking    cancel         -> cancelled   shift_leader
    closing     close          -> closed      dispatcher, shift_leader
    closing     cancel         -> cancelled   shift_leader
    closed      reopen         -> dispatch    intake_clerk, manager, shift_leader
    rejected    reopen         -> intake      manager, shift_leader
    imported    adopt          -> intake      shift_leader
    imported    cancel         -> cancelled   shift_leader
    suspended   cancel         -> cancelled   shift_leader
    intake      self_handle    -> closed      inspector
    intake      join           -> joined      intake_clerk, shift_leader
    verifying   join           -> joined      intake_clerk, shift_leader
    dispatch    join           -> joined      dispatcher, intake_clerk, shift_leader
    intake      correct here   -> intake      intake_clerk, shift_leader
    verifying   correct here   -> verifying   intake_clerk, shift_leader
    dispatch    correct here   -> dispatch    dispatcher, intake_clerk, shift_leader
    handling    correct here   -> handling    dispatcher, shift_leader
    handling    correct elsewhere -> dispatch dispatcher, shift_leader
    handling    grant extension -> handling   dispatcher, shift_leader
    handling    grant suspension -> suspended dispatcher, shift_leader
    suspended   resume         -> handling    dispatcher, handler, shift_leader
"""

#: What stands beside it, in every stage that is named: nothing of it moves the incident.
ASIDES = """
    handling                                 accept               handler
    handling                                 decline              handler
    handling                                 assign               handler
    handling                                 involve              dispatcher, shift_leader
    handling                                 report_part          handler
    handling                                 apply extension      handler
    handling                                 apply suspension     handler
    handling                                 refuse               dispatcher, shift_leader
    handling checking                        enforce              handler
    dispatch handling suspended checking     supervise            manager, shift_leader, supervisor
    handling suspended checking closing      answer               handler
    dispatch                                 answer               dispatcher, shift_leader
    verifying checking                       task                 dispatcher, intake_clerk, shift_leader
    verifying checking                       accept_task          inspector, shift_leader
    verifying checking                       decline_task         inspector, shift_leader
    verifying checking                       expire_task          -
    closed                                   appeal               handler
    closed                                   decide granted       manager, supervisor
    closed                                   decide refused       manager, supervisor
    closed                                   call_back            intake_clerk, shift_leader
"""

#: What leaves an incident where it stands.
BY_ITSELF = (Act.RELOCATE, Act.NOTICE, Act.ESCALATE, Act.FOLLOW)
STILL = (Act.NOTE, Act.ATTACH, *BY_ITSELF, Act.ACKNOWLEDGE, Act.PASS_ON)
BESIDE = {
    Act(line[41:].split()[0]) for line in ASIDES.strip("\n").replace("\n    ", "\n").strip().splitlines()
}


def drawn() -> set[tuple[str, ...]]:
    """The rows of the drawing: stage, act and outcome, where to, roles."""
    rows = set()
    for line in MAIN_LINE.strip().splitlines():
        left, right = line.split("->")
        stage, *act = left.split()
        to, roles = right.split(maxsplit=1)
        rows.add((stage, " ".join(act), to, roles.strip()))
    return rows


def test_the_table_is_the_drawing() -> None:
    table = {
        (t.stage or "-", f"{t.act} {t.outcome}".strip(), t.to, ", ".join(sorted(t.roles)))
        for t in TRANSITIONS
        if t.act not in (*STILL, *BESIDE, Act.TAKE_BACK)
    }
    assert table == drawn()


def test_what_stands_beside_the_main_line_is_in_the_table_and_moves_nothing() -> None:
    expected = set()
    for line in ASIDES.strip("\n").splitlines():
        stages, act, roles = line[:45].split(), line[45:66].strip(), line[66:].strip()
        expected |= {(stage, act, "" if roles == "-" else roles) for stage in stages}
    rows = [t for t in TRANSITIONS if t.act in BESIDE]
    assert {(t.stage, f"{t.act} {t.outcome}".strip(), ", ".join(sorted(t.roles))) for t in rows} == expected
    assert all(t.to is t.stage for t in rows)


def test_every_act_that_can_be_taken_back_leads_back_where_it_came_from() -> None:
    back = {(t.stage, t.to) for t in TRANSITIONS if t.act is Act.TAKE_BACK}
    assert back == {(t.to, t.stage) for t in TRANSITIONS if t.act in TAKEABLE and t.stage is not None}
    assert all(t.outcome == t.to for t in TRANSITIONS if t.act is Act.TAKE_BACK)
    assert TAKEABLE.isdisjoint({Act.REPORT, Act.JOIN, Act.NOTE, Act.CALL_BACK, Act.ENFORCE, Act.TAKE_BACK})
    assert {Act.FILE, Act.DISPATCH, Act.RETURN, Act.HANDLE, Act.CHECK, Act.CLOSE, Act.CANCEL} < TAKEABLE
    assert not {t.act for t in TRANSITIONS if not t.roles} & TAKEABLE


@pytest.mark.parametrize("stage", Stage)
def test_a_note_is_possible_for_ever_and_a_photo_while_it_is_open(stage: Stage) -> None:
    staff = set(Role) - {Role.ADMINISTRATOR}
    assert step(stage, Act.NOTE) is stage
    for role in Role:
        acts = open_acts(stage, {role})
        assert (Act.NOTE in acts) is (role in staff)
        assert (Act.ATTACH in acts) is (role in staff and stage not in ENDED)


def test_no_row_stands_twice() -> None:
    keys = [(t.stage, t.act, t.outcome) for t in TRANSITIONS]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(("stage", "act"), list(itertools.product(STAGES, Act)))
def test_every_pair_of_stage_and_act_has_a_row_or_is_refused(stage: Stage | None, act: Act) -> None:
    rows = {t.outcome: t for t in TRANSITIONS if (t.stage, t.act) == (stage, act)}
    for outcome in OUTCOMES:
        if outcome in rows:
            assert step(stage, act, outcome) is rows[outcome].to
        else:
            with pytest.raises(NotInThisStage):
                step(stage, act, outcome)
    for role in Role:
        if not rows:
            with pytest.raises(NotInThisStage) as refused:
                require(stage, act, {role})
            assert refused.value.about["stage"] == (stage or "unreported")
        elif any(role in row.roles for row in rows.values()):
            require(stage, act, {role})
        else:
            with pytest.raises(NotForThisRole) as forbidden:
                require(stage, act, {role})
            assert forbidden.value.about["held"] == [role]


def test_the_outcomes_of_an_act_belong_to_the_same_roles() -> None:
    roles: dict[tuple[Stage | None, Act], set[frozenset[Role]]] = {}
    for t in TRANSITIONS:
        roles.setdefault((t.stage, t.act), set()).add(t.roles)
    assert {key for key, found in roles.items() if len(found) > 1} == set()


@pytest.mark.parametrize("stage", STAGES)
def test_an_act_is_open_exactly_where_it_is_not_refused(stage: Stage | None) -> None:
    for size in (0, 1, 2):
        for held in map(frozenset, itertools.combinations(Role, size)):
            allowed = set()
            for act in Act:
                try:
                    require(stage, act, held)
                except (NotInThisStage, NotForThisRole):
                    continue
                allowed.add(act)
            acts = open_acts(stage, held)
            assert set(acts) == allowed
            assert len(acts) == len(allowed)


def test_what_each_role_can_do_in_each_stage() -> None:
    still = {*STILL, *BESIDE, Act.TAKE_BACK}
    can = {
        (role, stage): set(open_acts(stage, {role})) - still
        for role in Role
        for stage in Stage
        if set(open_acts(stage, {role})) - still
    }
    assert can[Role.HANDLER, Stage.HANDLING] == {Act.RETURN, Act.HANDLE}
    assert can[Role.INSPECTOR, Stage.CHECKING] == {Act.CHECK}
    assert {role for role, _ in can} == set(Role) - {Role.SUPERVISOR, Role.ADMINISTRATOR}
    assert [stage for role, stage in can if role is Role.HANDLER] == [Stage.HANDLING, Stage.SUSPENDED]
    looks = [Stage.INTAKE, Stage.VERIFYING, Stage.CHECKING]
    assert [stage for role, stage in can if role is Role.INSPECTOR] == looks


def test_patrol_and_handling_are_apart() -> None:
    """No role alone may both handle and check."""
    may = {act: {r for t in TRANSITIONS if t.act is act for r in t.roles} for act in (Act.HANDLE, Act.CHECK)}
    assert may[Act.HANDLE].isdisjoint(may[Act.CHECK])


def test_every_stage_can_be_reached_and_every_open_one_left() -> None:
    reached: set[Stage] = set()
    while more := {t.to for t in TRANSITIONS if t.stage is None or t.stage in reached} - reached:
        reached |= more
    assert reached == set(Stage)
    for stage in set(Stage) - ENDED:
        ways, seen = {stage}, set()
        while ways:
            seen |= ways
            ways = {t.to for t in TRANSITIONS if t.stage in ways} - seen
        assert seen >= {Stage.CLOSED, Stage.CANCELLED}


def test_a_refusal_says_what_is_open_and_who_may() -> None:
    with pytest.raises(
        NotInThisStage, match=r"close is not possible .* stage handling; open now: .*enforce, handle"
    ):
        require(Stage.HANDLING, Act.CLOSE, {Role.DISPATCHER})
    with pytest.raises(
        NotForThisRole, match=r"handle belongs to handler; on this incident you are none of them"
    ):
        require(Stage.HANDLING, Act.HANDLE, set())
    with pytest.raises(NotInThisStage, match="unreported; open now: report, import"):
        require(None, Act.HANDLE, {Role.HANDLER})


def test_mermaid_shows_every_move() -> None:
    lines = mermaid().splitlines()
    assert lines[0] == "stateDiagram-v2"
    moves = [t for t in TRANSITIONS if t.act not in (*STILL, *BESIDE, Act.TAKE_BACK)]
    for t in moves:
        arrow = f"    {t.stage or '[*]'} --> {t.to}: "
        assert any(
            line.startswith(arrow + t.act) and t.outcome in line and ACT_ZH[t.act] in line for line in lines
        ), t
    for stage in ENDED:
        assert f"    {stage} --> [*]" in lines
    assert len(lines) == 1 + len(moves) + len(ENDED)


@pytest.mark.parametrize("stage", [None, *Stage])
def test_what_is_open_may_be_located_again_and_nobody_does_that(stage: Stage | None) -> None:
    if stage is None or stage in ENDED:
        with pytest.raises(NotInThisStage):
            step(stage, Act.RELOCATE)
    else:
        assert step(stage, Act.RELOCATE) is stage
        with pytest.raises(NotForThisRole):
            require(stage, Act.RELOCATE, frozenset(Role))
        assert Act.RELOCATE not in open_acts(stage, frozenset(Role))


def test_everything_has_a_chinese_name() -> None:
    assert set(ACT_ZH) == set(Act)
    assert set(STAGE_ZH) == set(Stage)
    assert set(ROLE_ZH) == set(Role)
    for names in (ACT_ZH, STAGE_ZH, ROLE_ZH):
        assert len(set(names.values())) == len(names)


def test_every_act_leaves_a_kind_of_fact_and_every_kind_an_act() -> None:
    acts = [cls.act for cls in KINDS.values()]
    assert sorted(acts) == sorted(Act)
