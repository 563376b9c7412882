"""Korean sentences of the recorded runs."""

MESSAGES = {
    "error.trace.not_yet": "트레이스의 이 기능은 아직 없습니다.",
}
