# The images for `docker buildx bake`, from contexts that the builder has assembled:
#
#   npm run images -- contexts --ovis DIR
#   docker buildx bake -f images/docker-bake.hcl samp agg
#
# Paths are relative to where bake is called: the repository's directory.

variable "NAMESPACE" { default = "ovishpc" }
variable "TAG" { default = "latest" }
variable "ARCH" { default = "amd64" }
variable "BASE_IMAGE" { default = "debian:bookworm-slim" }
variable "GRAFANA_IMAGE" { default = "docker.io/grafana/grafana-oss:9.1.0-ubuntu" }
variable "VERSION" { default = "unknown" }
variable "REVISION" { default = "unknown" }
variable "CREATED" { default = "1970-01-01T00:00:00Z" }

group "default" {
  targets = ["dev", "samp", "agg", "maestro", "ui", "grafana"]
}

# What every target has.
target "any" {
  platforms = ["linux/${ARCH}"]
  args = {
    VERSION  = VERSION
    REVISION = REVISION
    CREATED  = CREATED
  }
}

# The layers that the Debian images share; their FROM is answered by this target.
target "common" {
  inherits = ["any"]
  context  = "dist/images/${ARCH}/common"
  args     = { BASE_IMAGE = BASE_IMAGE }
}

target "debian" {
  inherits = ["any"]
  contexts = { "ovishpc/ldms-common" = "target:common" }
}

target "dev" {
  inherits = ["debian"]
  context  = "dist/images/${ARCH}/dev"
  tags     = ["${NAMESPACE}/ldms-dev:${TAG}-${ARCH}"]
}

target "samp" {
  inherits = ["debian"]
  context  = "dist/images/${ARCH}/samp"
  tags     = ["${NAMESPACE}/ldms-samp:${TAG}-${ARCH}"]
}

target "agg" {
  inherits = ["debian"]
  context  = "dist/images/${ARCH}/agg"
  tags     = ["${NAMESPACE}/ldms-agg:${TAG}-${ARCH}"]
}

target "maestro" {
  inherits = ["debian"]
  context  = "dist/images/${ARCH}/maestro"
  tags     = ["${NAMESPACE}/ldms-maestro:${TAG}-${ARCH}"]
}

target "ui" {
  inherits = ["debian"]
  context  = "dist/images/${ARCH}/ui"
  tags     = ["${NAMESPACE}/ldms-ui:${TAG}-${ARCH}"]
}

target "grafana" {
  inherits = ["any"]
  context  = "dist/images/${ARCH}/grafana"
  args     = { GRAFANA_IMAGE = GRAFANA_IMAGE }
  tags     = ["${NAMESPACE}/ldms-grafana:${TAG}-${ARCH}"]
}
