"""HTTP to the platform: who may read, who may write, and what is tried again. No knowledge of any kind."""
