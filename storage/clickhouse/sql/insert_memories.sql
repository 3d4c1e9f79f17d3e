INSERT INTO judge_memories (tenant, caller, operation, callee, through, data)
