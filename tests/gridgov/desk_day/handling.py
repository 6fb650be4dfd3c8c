"""Monday afternoon to Wednesday: what departments make of it (incidents 10 to 15)."""

from __future__ import annotations

from tests.gridgov.desk_day.desk import FLOOD, LAMP, MANHOLE, RUBBISH, STALL, Day, local


def several_departments_at_once(day: Day) -> None:
    """吹哨报到（案卷10）。

    道路积水，水务局主办，环卫所、北街道办按规则协办，黄磊再加城管执法队。城管谢绝协办；黄磊协办调整，请区办参加。各协办
    各自签收、分办、反馈；协办未反馈完，主办不能报处置。唐宁既是网格员又是处置人员，参与过处置就不能核查。
    """
    day.at("周一 16:05")
    flood = day.reports("zhou", FLOOD, "N2", "路口积水没过脚踝", photos=1)
    flood.does("chen", "file 立案", to="dispatch 派遣")
    assert flood.row["co_handlers"] == ["cleaning", "north_office"]
    several = ["cleaning", "north_office", "urban"]
    flood.does("huang", "dispatch 派遣", to="handling 处置", co_handlers=several)
    assert [part["state"] for part in flood.row["parts"]] == ["open"] * 3
    day.at("周一 16:15")
    flood.may_not("qiu", "decline 谢绝协办", "reason-missing")
    flood.does("qiu", "decline 谢绝协办", reason="积水不属执法事项")
    flood.does("zheng", "accept 签收")
    flood.does("xie", "accept 签收")
    flood.does("tang", "accept 签收")
    flood.may_not("xie", "return 退回", "not-yours", reason="协办不能退回")
    flood.does("xie", "assign 分办", crew="sweepers")
    flood.may_not("zheng", "handle 处置", "parts-open", reason="水已抽干")
    flood.does(
        "huang", "involve 协办调整", co_handlers=["cleaning", "north_office", "office"], reason="请区办调泵"
    )
    assert [part["state"] for part in flood.row["parts"]] == ["accepted", "accepted", "open"]
    flood.does("tian", "accept 签收")
    flood.does("tian", "report_part 协办反馈", reason="已调来两台泵")
    flood.may_not("tian", "report_part 协办反馈", "already-done", reason="再报一次")
    flood.does("xie", "report_part 协办反馈", reason="雨水口已清", photos=day.photos("xie"))
    flood.does("tang", "report_part 协办反馈", reason="已疏导车辆")
    day.at("周一 17:20")
    flood.does("zheng", "handle 处置", to="checking 核查", reason="水已抽干", photos=day.photos("zheng"))
    flood.may_not("tang", "check 核查", "same-person", passed=True)
    flood.does("zhou", "check 核查", to="closing 待结案", passed=True)
    flood.does("huang", "close 结案", to="closed 已结案")


def passed_back_and_forth(day: Day) -> None:
    """推来推去（案卷11）。

    占道经营派给城管执法队，退回，撤回，又退回；再派城管，接着走剩余时限；又退回，改派环卫所，环卫所也退回；第四次派回城管，才处置。每次
    退回按部门对子计数，处置与派遣两个时限一停一走。
    """
    day.at("周二 08:30")
    stall = day.reports("he", STALL, "S2", "流动摊贩占了盲道")
    stall.does("chen", "file 立案", to="dispatch 派遣")
    stall.does("huang", "dispatch 派遣", to="handling 处置")
    stall.may_not("qiu", "return 退回", "reason-missing")
    day.at("周二 08:50")
    stall.does("qiu", "return 退回", to="dispatch 派遣", reason="盲道归市政")
    stall.may_not("xie", "take_back 撤回", "unknown-incident")
    stall.takes_back_unseen("qiu", to="handling 处置", reason="再问问队长")
    assert (stall.row["returns"], stall.clock("handling")["paused_wall_s"]) == (0, 0)
    stall.does("qiu", "return 退回", to="dispatch 派遣", reason="盲道归市政")
    assert (stall.clock("handling")["state"], stall.clock("dispatch")["state"]) == ("paused", "running")
    stall.does("huang", "dispatch 派遣", to="handling 处置")
    assert (stall.clock("handling")["state"], stall.row["lead"]) == ("resumed", "urban")
    day.at("周二 09:00")
    stall.does("qiu", "return 退回", to="dispatch 派遣", reason="人手不足，请环卫先清")
    stall.does("huang", "dispatch 派遣", to="handling 处置", department="cleaning")
    assert stall.clock("handling")["state"] == "running", "another department has a limit of its own"
    day.at("周二 09:10")
    stall.does("xie", "return 退回", to="dispatch 派遣", reason="摊贩不走，环卫无权处理")
    stall.does("huang", "dispatch 派遣", to="handling 处置", department="urban")
    assert (stall.row["returns"], stall.row["redirected"]) == (3, 2)
    day.at("周二 09:20")
    stall.does("qiu", "handle 处置", to="checking 核查", reason="摊贩已劝离")
    stall.does("he", "check 核查", to="closing 待结案", passed=True)
    stall.does("huang", "close 结案", to="closed 已结案")


def nobody_takes_it(day: Day) -> None:
    """无人应答，属地兜底（案卷12）。

    路灯不亮，水务局退回后派遣台无人应答，派遣时限一到，系统自行派给属地北街道办。唐宁处置后，周敏误点核查不通过，撤回，
    再核查通过。
    """
    day.at("周二 09:30")
    lamp = day.reports("zhou", LAMP, "N2", "路灯不亮")
    lamp.does("chen", "file 立案", to="dispatch 派遣")
    lamp.does("huang", "dispatch 派遣", to="handling 处置")
    lamp.does("zheng", "return 退回", to="dispatch 派遣", reason="不是我们的灯")
    day.at("周二 09:50")
    lamp.stands("handling 处置")
    assert lamp.row["lead"] == "north_office"
    assert [(one["kind"], one["by"]) for one in lamp.told()["history"][-3:]] == [
        ("noticed", "system"),
        ("noticed", "system"),
        ("dispatched", "system"),
    ]
    lamp.may_not("tang", "return 退回", "reason-missing")
    lamp.does("tang", "handle 处置", to="checking 核查", reason="灯泡已换")
    lamp.may_not("tang", "check 核查", "same-person", passed=True)
    day.at("周二 10:00")
    lamp.does("zhou", "check 核查", to="handling 处置", passed=False, reason="误点")
    lamp.does("zhou", "take_back 撤回", to="checking 核查")
    lamp.does("zhou", "check 核查", to="closing 待结案", passed=True)
    assert lamp.row["reworks"] == 0
    lamp.does("huang", "close 结案", to="closed 已结案")


def more_time(day: Day) -> None:
    """两次延期（案卷13）。

    大件垃圾要等吊车。环卫所申请延期，黄磊不批准；再申请，吴岚批准，时限顺延一个原时限；第二次也批准；第三次没有了。处置
    报早了，撤回，补照片再报。
    """
    day.at("周二 10:10")
    sofa = day.reports("he", RUBBISH, "S1", "废弃沙发堆放")
    sofa.does("chen", "file 立案", to="dispatch 派遣")
    sofa.does("huang", "dispatch 派遣", to="handling 处置")
    first = sofa.row["due_at"]
    sofa.may_not("huang", "grant 批准", "nothing-applied")
    sofa.may_not("xie", "apply 申请", "reason-missing", wish="extension")
    sofa.does("xie", "apply 申请", wish="extension", reason="等吊车")
    sofa.may_not("xie", "apply 申请", "already-applied", wish="suspension", reason="等吊车")
    sofa.does("huang", "refuse 不批准", reason="先联系社区的车")
    sofa.does("xie", "apply 申请", wish="extension", reason="社区没有车")
    sofa.may_not("xie", "grant 批准", "not-for-this-role")
    sofa.does("wu", "grant 批准", to="handling 处置")
    second = sofa.row["due_at"]
    sofa.does("xie", "apply 申请", wish="extension", reason="吊车在外地")
    sofa.does("huang", "grant 批准", to="handling 处置")
    assert first < second < sofa.row["due_at"]
    assert sofa.clock("handling")["extensions"] == 2
    sofa.may_not("xie", "apply 申请", "no-more", wish="extension", reason="还没来")
    day.at("周二 10:50")
    sofa.does("xie", "handle 处置", to="checking 核查", reason="已运走")
    sofa.does("xie", "take_back 撤回", to="handling 处置", reason="忘了附照片")
    sofa.does("xie", "handle 处置", to="checking 核查", reason="已运走", photos=day.photos("xie"))
    sofa.does("he", "check 核查", to="closing 待结案", passed=True)
    sofa.does("huang", "close 结案", to="closed 已结案")


def until_tomorrow(day: Day) -> None:
    """挂账到明天，自己恢复（案卷14）。

    井圈要等配件，水务局申请挂账到周三九点，黄磊批准，处置时限停住，其间不能报处置。周三九点系统自行恢复，时限接着走；挂账
    只有一次。
    """
    day.at("周二 11:00")
    ring = day.reports("he", MANHOLE, "S1", "井圈破损")
    ring.does("chen", "file 立案", to="dispatch 派遣")
    ring.does("huang", "dispatch 派遣", to="handling 处置")
    day.at("周二 11:15")
    ring.may_not("zheng", "apply 申请", "bad-date", wish="suspension", reason="等配件")
    ring.may_not(
        "zheng", "apply 申请", "bad-date", wish="suspension", reason="等配件", until=local("11-20", "09:00")
    )
    ring.does("zheng", "apply 申请", wish="suspension", reason="等配件", until=local("11-25", "09:00"))
    ring.does("huang", "grant 批准", to="suspended 挂账")
    assert (ring.row["due_at"], ring.row["clock"]) == (None, None)
    assert ring.clock("handling")["state"] == "paused"
    ring.may_not("luo", "handle 处置", "not-in-this-stage", reason="已修")
    ring.does("zheng", "note 备注", words="配件已下单")


def by_hand_and_supervised(day: Day) -> None:
    """挂账期间督办（案卷15）。

    路灯要等电力部门停电，挂账到十二月。督查员方正督办，水务局在挂账期间回复。吴岚误点恢复后撤回；次日郑凯自己恢复，处置。
    """
    day.at("周二 11:20")
    lamp = day.reports("he", LAMP, "S2", "路灯忽明忽暗")
    lamp.does("chen", "file 立案", to="dispatch 派遣")
    lamp.does("huang", "dispatch 派遣", to="handling 处置")
    lamp.does("zheng", "apply 申请", wish="suspension", reason="等停电窗口", until=local("12-20", "09:00"))
    lamp.does("wu", "grant 批准", to="suspended 挂账")
    lamp.does("fang", "supervise 督办", to="suspended 挂账", reason="市民多次来电")
    lamp.may_not("jiang", "supervise 督办", "already-supervised", reason="多久能好")
    lamp.may_not("huang", "answer 督办回复", "not-for-this-role", reason="快了")
    assert lamp.clock("supervision")["state"] == "running"
    day.at("周二 11:40")
    lamp.does("zheng", "answer 督办回复", to="suspended 挂账", reason="周三停电，当天修")
    lamp.may_not("zheng", "answer 督办回复", "not-supervised", reason="再回一次")
    lamp.does("wu", "resume 恢复", to="handling 处置", reason="看错案卷")
    lamp.does("wu", "take_back 撤回", to="suspended 挂账")


def the_next_morning(day: Day) -> None:
    """周三早上（案卷14、15）。"""
    ring, lamp = day.cases[13:15]
    day.at("周三 09:05")
    ring.stands("handling 处置")
    assert (ring.last["kind"], ring.last["by"]) == ("resumed", "system")
    assert ring.clock("handling")["state"] == "resumed"
    ring.may_not(
        "zheng", "apply 申请", "no-more", wish="suspension", reason="配件又错", until=local("11-26", "09:00")
    )
    ring.does("luo", "handle 处置", to="checking 核查", reason="井圈已换")
    ring.does("he", "check 核查", to="closing 待结案", passed=True)
    ring.does("huang", "close 结案", to="closed 已结案")
    lamp.does("zheng", "resume 恢复", to="handling 处置", reason="停电窗口提前")
    lamp.does("zheng", "handle 处置", to="checking 核查", reason="线路已换")
    lamp.does("he", "check 核查", to="closing 待结案", passed=True)
    lamp.does("wu", "close 结案", to="closed 已结案")
