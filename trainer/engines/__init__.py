"""What trains and answers: `base` says what an engine must do, the other modules each do it."""
