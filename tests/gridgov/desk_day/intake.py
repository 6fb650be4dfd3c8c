"""Monday: what intake makes of eight reports and a citizen who does not know where (incidents 1 to 9)."""

from __future__ import annotations

from tests.gridgov.desk_day.desk import (
    MANHOLE,
    NOISE,
    NORTH,
    RUBBISH,
    SOUTH,
    STALL,
    Case,
    Day,
    position,
)


def the_rota(day: Day) -> None:
    """值班表：吴岚安排三名网格员当班到周五，各守各的网格；核实、核查先派给所在网格当班的人，没有就派给最近的人。"""
    day.at("周一 08:10")
    day.is_on_duty("lin", (*NORTH, "N1"), near="N1")
    day.is_on_duty("zhou", NORTH, near="N2")
    day.is_on_duty("he", SOUTH, near="S1")


def one_manhole_and_four_who_report_it(day: Day) -> None:
    """一口井盖，四个人上报（案卷1至4）。

    网格员林晓巡查时发现北街道一口井盖缺失，拍照上报。受理员陈静立案时误填了紧急程度，撤回后重新立案；派遣员黄磊派遣给
    水务局。此后市民来电、网格员周敏、又一位市民先后上报同一口井盖：系统按地点、时间、类别提示疑似重复，由人并案——受理
    环节并一件，核实环节并一件，派遣环节并一件。水务局签收后分办给抢修一班，没有照片不能报处置；巡办分离，林晓核查通过；
    结案误点后撤回，再结案；回访市民满意。
    """
    day.at("周一 08:30")
    cover = day.reports("lin", MANHOLE, "N1", "井盖缺失，边上没有围挡", standard="missing", photos=1)
    cover.stands("intake 受理")
    day.at("周一 08:33")
    cover.may_not("huang", "file 立案", "not-for-this-role")
    cover.may_not("chen", "file 立案", "missing-number", seen=None)
    cover.does("chen", "file 立案", to="dispatch 派遣", urgency="critical")
    cover.does("chen", "take_back 撤回", to="intake 受理", reason="紧急程度填错")
    cover.may_not("chen", "file 立案", "stale", seen=1)
    cover.does("chen", "file 立案", to="dispatch 派遣", urgency="urgent")
    cover.does("huang", "dispatch 派遣", to="handling 处置")
    assert cover.row["lead"] == "water"
    _the_others(day, cover)
    _put_right(day, cover)


def _the_others(day: Day, cover: Case) -> None:
    """市民、周敏、又一位市民上报同一口井盖（案卷2至4）。"""
    day.at("周一 08:36")
    second = day.reports("chen", MANHOLE, "N1", "路口的井盖不见了", east_m=12)
    _looks_like(second, cover, within_m=13)
    second.may_not("chen", "join 并案", "cannot-join", leader=second.id)
    second.may_not("tang", "join 并案", "not-for-this-role", leader=cover.id)
    second.does("chen", "join 并案", to="joined 已并案", leader=cover.id, reason="同一口井盖")
    second.may_not("chen", "file 立案", "not-in-this-stage")
    second.may_not("chen", "take_back 撤回", "not-in-this-stage")
    assert second.last["body"]["distance_m"] < 13

    day.at("周一 08:38")
    third = day.reports("zhou", MANHOLE, "N1", "疑似井盖缺失，远处看不清", east_m=20)
    third.does("chen", "ask 请求核实", to="verifying 核实", reason="照片看不清")
    third.is_sent("lin", "on_duty")
    third.does("lin", "accept_task 接单")
    third.may_not("chen", "join 并案", "cannot-join", leader=second.id)
    third.does("chen", "join 并案", to="joined 已并案", leader=cover.id, reason="林晓来电：就是那一口")
    assert third.row["task"] is None, "nobody has to go any more"

    day.at("周一 08:42")
    fourth = day.reports("chen", MANHOLE, "N1", "井盖没了", east_m=30)
    fourth.does("chen", "file 立案", to="dispatch 派遣")
    fourth.does("huang", "join 并案", to="joined 已并案", leader=cover.id)
    assert cover.row["followers"] == [second.id, third.id, fourth.id], "every reporter is kept"
    assert [one["kind"] for one in cover.told()["history"]].count("followed") == 3


def _put_right(day: Day, cover: Case) -> None:
    """水务局处置，林晓核查，结案，回访。"""
    day.at("周一 09:00")
    cover.may_not("xie", "accept 签收", "unknown-incident")
    cover.does("zheng", "accept 签收")
    cover.may_not("luo", "accept 签收", "already-done")
    cover.may_not("zheng", "assign 分办", "unknown-crew", crew="divers")
    cover.may_not("zheng", "assign 分办", "cannot-go", person="xie")
    cover.does("zheng", "assign 分办", crew="pumps", person="luo", reason="带围挡")
    assert (cover.row["crew"], cover.row["assignee"]) == ("pumps", "luo")
    day.at("周一 10:10")
    cover.may_not("luo", "handle 处置", "evidence-missing", reason="已换新井盖")
    cover.does("luo", "handle 处置", to="checking 核查", reason="已换新井盖", photos=day.photos("luo"))
    cover.is_sent("lin", "on_duty")
    cover.does("lin", "accept_task 接单")
    cover.may_not("luo", "check 核查", "not-for-this-role", passed=True)
    cover.may_not("lin", "check 核查", "evidence-missing", passed=True)
    day.at("周一 10:25")
    cover.does("lin", "check 核查", to="closing 待结案", passed=True, photos=day.photos("lin"))
    cover.does("huang", "close 结案", to="closed 已结案")
    cover.does("huang", "take_back 撤回", to="closing 待结案", reason="误点，先看一遍照片")
    cover.does("huang", "close 结案", to="closed 已结案")
    day.cases[1].may_not("jiang", "reopen 重新立案", "not-in-this-stage", reason="跟着那一件走")
    day.at("周一 10:40")
    cover.does("chen", "call_back 回访", contacted=True, solved=True, satisfied=True, words="很快，谢谢")


def _looks_like(second: Case, first: Case, within_m: float) -> None:
    """The same is suggested, with distance and age; it is joined by a person alone."""
    found = second.day.asks("chen", f"/api/incidents/{second.id}/duplicates")["rows"]
    (one,) = [one for one in found if one["incident"] == first.id]
    assert 0 < one["distance_m"] < within_m
    assert one["age_s"] > 0
    second.stands("intake 受理")


def put_right_on_the_spot(day: Day) -> None:
    """随手清理，自行处置（案卷5、6）。

    网格员何涛在南街道清走一袋垃圾，上报时同时报自行处置，附前后照片，直接结案，单独计数。另一袋先上报、再自行处置：只有
    上报人可以，且处置后的照片不能是处置前那一张。
    """
    day.at("周一 10:45")
    before, after = day.photos("he"), day.photos("he")
    done = {"result": "已装袋带走", "photos": after}
    bag = day.reports("he", RUBBISH, "S1", "路边一袋垃圾", taken=before, self_handled=done)
    bag.stands("closed 已结案")
    assert bag.row["self_handled"]
    assert bag.row["due_at"] is None

    other = day.reports("he", RUBBISH, "S2", "绿化带内有垃圾", photos=1)
    taken = other.row["photos"]
    other.may_not("he", "self_handle 自行处置", "evidence-missing", reason="已清走", photos=taken)
    other.may_not(
        "chen", "self_handle 自行处置", "not-for-this-role", reason="已清走", photos=day.photos("chen")
    )
    other.does("he", "self_handle 自行处置", to="closed 已结案", reason="已清走", photos=day.photos("he"))


def nobody_finds_it(day: Day) -> None:
    """现场没有（案卷7）。

    市民来电说有异味。陈静请求核实：派单给当班的周敏，周敏拒单；转派离得最近的林晓，超时未接；再转何涛，何涛也拒单，无人可
    派。陈静指定周敏再去，周敏接单，现场未发现，不予立案。领导江河误点重新立案后撤回；市民又来电，值班长吴岚重新立案，
    随后市民说搞错了，作废，退出所有分母。
    """
    day.at("周一 11:00")
    smell = day.reports("chen", RUBBISH, "N2", "有异味，像是垃圾")
    smell.does("chen", "ask 请求核实", to="verifying 核实", reason="来电人说不清具体位置")
    smell.is_sent("zhou", "on_duty")
    smell.may_not("lin", "accept_task 接单", "unknown-incident")
    smell.may_not("zhou", "decline_task 拒单", "reason-missing")
    smell.does("zhou", "decline_task 拒单", reason="正在处理伤者，走不开")
    smell.is_sent("lin", "nearest")
    day.at("周一 11:14")
    assert [one["kind"] for one in smell.told()["history"]][-2:] == ["taskexpired", "tasked"]
    smell.is_sent("he", "nearest")
    smell.does("he", "decline_task 拒单", reason="离得太远")
    smell.is_for_nobody()
    smell.may_not("chen", "task 派单", "cannot-go", person="zheng")
    smell.does("chen", "task 派单", person="zhou")
    smell.is_sent("zhou", "chosen")
    smell.does("zhou", "accept_task 接单")
    day.at("周一 11:24")
    smell.may_not("zhou", "verify 核实", "reason-missing", found=False)
    smell.does("zhou", "verify 核实", to="intake 受理", found=False, reason="两条街走遍，没有垃圾")
    smell.does("chen", "reject 不予立案", to="rejected 不予立案", reason="现场未发现")
    smell.may_not("chen", "reopen 重新立案", "not-for-this-role", reason="又来电")
    smell.does("jiang", "reopen 重新立案", to="intake 受理", reason="看错案卷")
    smell.does("jiang", "take_back 撤回", to="rejected 不予立案", reason="看错案卷")
    day.at("周一 11:40")
    smell.does("wu", "reopen 重新立案", to="intake 受理", reason="市民再次来电")
    smell.may_not("chen", "cancel 作废", "not-for-this-role", reason="市民说搞错了")
    smell.does("wu", "cancel 作废", to="cancelled 作废", reason="市民说搞错了")


def not_ours(day: Day) -> None:
    """不归我们管（案卷8）。

    市民投诉邻居装修。陈静请求核实后误点不予立案，撤回，派单照旧；何涛到场核实属实，但属物业管理，不予立案。
    """
    day.at("周一 14:00")
    drill = day.reports("chen", NOISE, "S1", "邻居装修太吵")
    drill.does("chen", "ask 请求核实", to="verifying 核实")
    drill.is_sent("he", "on_duty")
    drill.does("he", "accept_task 接单")
    drill.does("chen", "reject 不予立案", to="rejected 不予立案", reason="误点")
    drill.may_not("wu", "take_back 撤回", "nothing-to-take-back")
    drill.does("chen", "take_back 撤回", to="verifying 核实")
    assert (drill.row["task_person"], drill.row["task_state"]) == ("he", "accepted")
    drill.does("he", "verify 核实", to="intake 受理", found=True, photos=day.photos("he"))
    drill.does("chen", "note 备注", words="已告知市民联系物业")
    drill.does("chen", "reject 不予立案", to="rejected 不予立案", reason="属物业管理")


def put_right_step_by_step(day: Day) -> None:
    """位置说不清，类别也不对（案卷9）。

    市民来电，不知道在哪：先进未定位，陈静问清后定位到北街道。受理、核实、派遣、处置各环节逐一更正；派遣误派后撤回。
    处置中第一次更正仍在原部门；第二次查明在马路对面、属南街道环卫所：退回派遣，处置时限暂停，改派环卫所后重新计时。
    撤回的派遣不算数，改派的算一次改派。
    """
    day.at("周一 14:15")
    pile = day.reports("chen", NOISE, None, "市场边上很乱", address="市场边上")
    assert pile.row["path"] == []
    pile.may_not("lin", "place 定位", "unknown-incident", position=position("N1"))
    pile.does("chen", "place 定位", position=position("N1"))
    pile.may_not("chen", "correct 更正", "nothing-to-correct", reason="看看")
    pile.does("chen", "correct 更正", to="intake 受理", category=STALL, reason="不是噪声，是摆摊")
    pile.does("chen", "ask 请求核实", to="verifying 核实")
    pile.does("chen", "correct 更正", to="verifying 核实", urgency="urgent", reason="堵了路口")
    pile.does("lin", "attach 附件", photos=day.photos("lin"))
    pile.does("chen", "file 立案", to="dispatch 派遣")
    pile.does("huang", "correct 更正", to="dispatch 派遣", category=RUBBISH, reason="照片上是垃圾")
    assert pile.row["department"] == "north_office"
    day.at("周一 14:25")
    pile.does("huang", "dispatch 派遣", to="handling 处置", department="office")
    pile.does("huang", "take_back 撤回", to="dispatch 派遣", reason="点错部门")
    pile.does("huang", "dispatch 派遣", to="handling 处置")
    day.at("周一 15:00")
    pile.does("huang", "correct 更正", to="handling 处置", position=position("N1", 40), reason="往东四十米")
    assert pile.row["lead"] == "north_office"
    pile.does("huang", "correct 更正", to="dispatch 派遣", position=position("S1"), reason="在马路对面")
    assert pile.clock("handling")["state"] == "paused"
    day.at("周一 15:10")
    pile.does("huang", "dispatch 派遣", to="handling 处置")
    assert (pile.row["lead"], pile.row["redirected"]) == ("cleaning", 1)
    assert pile.clock("handling")["state"] == "running", "another department has a limit of its own"
    day.at("周一 16:00")
    pile.does("xie", "handle 处置", to="checking 核查", reason="已清运")
    pile.does("he", "check 核查", to="closing 待结案", passed=True)
    pile.does("huang", "close 结案", to="closed 已结案")
