"""Checks deploy/kubernetes (the first argument): every resource against Kubernetes's own schemas, and that the parts fit one another."""

import sys
import tomllib
from pathlib import Path

import kubernetes_validate
import yaml

KUBERNETES = "1.37"

root = Path(sys.argv[1])
resources, kustomizations = {}, {}
for path in sorted(root.rglob("*.yaml")):
    for document in yaml.safe_load_all(path.read_text()):
        if path.name == "kustomization.yaml":
            kustomizations[path.parent] = document
        else:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
            resources[document["kind"], document["metadata"]["name"]] = document

for folder, kustomization in kustomizations.items():
    named = kustomization["resources"] + [file for made in kustomization.get("configMapGenerator", []) for file in made["files"]]
    for name in named:
        assert (folder / name).exists(), f"{folder}: {name} does not exist"

config = tomllib.loads((root / "base/semroute.toml").read_text())
deployment = resources["Deployment", "semroute"]["spec"]
pod = deployment["template"]["spec"]
(container,) = pod["containers"]
labels = deployment["template"]["metadata"]["labels"]

selectors = {
    "Deployment": deployment["selector"]["matchLabels"],
    "Service": resources["Service", "semroute"]["spec"]["selector"],
    "PodDisruptionBudget": resources["PodDisruptionBudget", "semroute"]["spec"]["selector"]["matchLabels"],
    "NetworkPolicy": resources["NetworkPolicy", "semroute"]["spec"]["podSelector"]["matchLabels"],
    "spread": pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
}
for kind, selector in selectors.items():
    assert selector.items() <= labels.items(), f"{kind} selects {selector}, and the pods are {labels}"

assert config["shared"]["url"].startswith("redis"), "replicas that share nothing multiply every limit"
server = config["server"]
drain = server["drain_delay_seconds"] + server["drain_seconds"]
assert pod["terminationGracePeriodSeconds"] >= drain + 10, "pods are killed before they have drained"
readiness = container["readinessProbe"]
noticed = readiness["periodSeconds"] * readiness["failureThreshold"]
assert noticed < server["drain_delay_seconds"], "a draining pod stops taking connections before anybody has noticed"

(port,) = [port["containerPort"] for port in container["ports"] if port["name"] == "http"]
assert server["listen"] == f"0.0.0.0:{port}"
for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
    assert container[probe]["httpGet"]["port"] == "http"
assert resources["Service", "semroute"]["spec"]["ports"][0]["targetPort"] == "http"

(mount,) = container["volumeMounts"]
(volume,) = pod["volumes"]
(generated,) = kustomizations[root / "base"]["configMapGenerator"]
assert mount["name"] == volume["name"] and volume["configMap"]["name"] == generated["name"]
assert container["args"][-1] == f"{mount['mountPath']}/semroute.toml"

for folder, kustomization in kustomizations.items():
    if "HorizontalPodAutoscaler" in "".join(path.read_text() for path in folder.glob("*.yaml")):
        assert "/spec/replicas" in str(kustomization.get("patches")), "apply would undo what the autoscaler does"

security = container["securityContext"]
assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 0
assert security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"] and security["capabilities"]["drop"] == ["ALL"]


def variables(table):
    """The environment variables that a configuration names."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from variables(value)
        elif isinstance(value, list):
            for inner in value:
                yield from variables(inner) if isinstance(inner, dict) else ()
        elif key.endswith("_env"):
            yield value


secret = container["envFrom"][0]["secretRef"]["name"]
named = set(variables(config))
assert named <= set(resources["Secret", secret]["stringData"]), f"secret.example.yaml lacks some of {named}"
(trial,) = kustomizations[root / "overlays/trial"]["secretGenerator"]
assert trial["name"] == secret
assert named <= {literal.split("=", 1)[0] for literal in trial["literals"]}, f"the trial's secret lacks some of {named}"
print(len(resources), "resources")
