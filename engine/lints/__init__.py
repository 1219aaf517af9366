"""What an author should look at again: nothing here is a mistake for certain."""
