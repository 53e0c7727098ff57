"""What a workflow does with concept scores: pure, shared with the sandbox. Imports nothing of ours."""
