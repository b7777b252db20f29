"""What people do: flags, reviews, tasks and their forms. Stands on the engine and the store."""
