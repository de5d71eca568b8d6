// Lets functions of init.go have their body elsewhere.
