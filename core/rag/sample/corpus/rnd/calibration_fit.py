"""교정 측정값으로 펌프의 보정 계수를 구한다. 품질검사실 전용."""

from __future__ import annotations

from statistics import mean

MAX_SPREAD = 0.02  # 세 측정값의 차이가 2%를 넘으면 공기가 찬 것으로 보고 거절한다
MIN_FACTOR, MAX_FACTOR = 0.88, 1.12  # 이 범위를 벗어나면 E26과 같은 뜻이다


class CalibrationError(ValueError):
    """측정을 다시 해야 한다."""


def factor(volumes_ml: list[float], expected_ml: float) -> float:
    """보정 계수를 돌려준다.

    온도 보정은 하지 않는다. 물의 온도가 15도에서 25도 사이일 때만 쓴다.
    """
    if len(volumes_ml) < 3:
        raise CalibrationError("측정은 적어도 세 번 해야 합니다")
    middle = mean(volumes_ml)
    if (max(volumes_ml) - min(volumes_ml)) / middle > MAX_SPREAD:
        raise CalibrationError("측정값의 차이가 큽니다. 흡입 쪽의 공기를 빼 주세요")
    result = middle / expected_ml
    if not MIN_FACTOR <= result <= MAX_FACTOR:
        raise CalibrationError("계수가 범위를 벗어났습니다")
    return round(result, 4)
