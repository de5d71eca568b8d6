resource "docker_container" "db" {
  name    = "db"
  image   = "postgres:16"
  env     = ["POSTGRES_HOST_AUTH_METHOD=trust"]
  restart = "unless-stopped"
}

# Run once, and again when the list of tables changes. The script arrives on the standard input.
resource "docker_exec" "schema" {
  container       = docker_container.db.id
  command         = ["psql", "--username=postgres", "--set=ON_ERROR_STOP=1"]
  stdin           = "CREATE TABLE IF NOT EXISTS visits (at timestamptz);"
  destroy_command = ["psql", "--username=postgres", "--command=DROP TABLE IF EXISTS visits"]
  timeout         = 60

  triggers = {
    tables = "visits"
  }
}

output "schema" {
  value = docker_exec.schema.stdout
}
