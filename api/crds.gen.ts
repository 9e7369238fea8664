/** Generated from crds/ by tools/generate-api.ts; do not edit. The schemas, without their descriptions. */
export interface EmbeddedCrd {
  readonly apiVersion: string;
  readonly openAPIV3Schema: Readonly<Record<string, unknown>>;
}

export const CRDS: Readonly<Record<'MCPServer' | 'GatewayToken', EmbeddedCrd>> = {
 "MCPServer": {
  "apiVersion": "mcpgateway.dev/v1alpha1",
  "openAPIV3Schema": {
   "type": "object",
   "required": [
    "spec"
   ],
   "x-kubernetes-validations": [
    {
     "rule": "self.metadata.name.size() <= 63 && !self.metadata.name.contains('.')",
     "message": "metadata.name must have at most 63 characters and no dot: pods name the server in a label"
    },
    {
     "rule": "has(self.spec.service) || self.metadata.name.size() <= 59",
     "message": "metadata.name is too long for the default Service <name>-mcp: shorten it to 59 characters or set spec.service.name"
    }
   ],
   "properties": {
    "apiVersion": {
     "type": "string",
     "maxLength": 64
    },
    "kind": {
     "type": "string",
     "maxLength": 64
    },
    "metadata": {
     "type": "object"
    },
    "spec": {
     "type": "object",
     "required": [
      "upstream",
      "authentication"
     ],
     "x-kubernetes-validations": [
      {
       "rule": "!has(self.authentication.oidc) || has(self.publicURLs)",
       "fieldPath": ".publicURLs",
       "reason": "FieldValueRequired",
       "message": "publicURLs is required with authentication.oidc: the first one is the OAuth resource that tokens are issued for"
      },
      {
       "rule": "!has(self.access) || self.access.all(a, a.principals.all(p, !has(p.from) || p.from.all(f, f == 'gatewayTokens' || (has(self.authentication.oidc) && self.authentication.oidc.exists(o, o.name == f)) || (has(self.authentication.clientCertificates) && self.authentication.clientCertificates.exists(c, c.name == f)))))",
       "fieldPath": ".access",
       "message": "every principals[].from must name an entry of authentication.oidc or authentication.clientCertificates, or gatewayTokens"
      }
     ],
     "properties": {
      "upstream": {
       "type": "object",
       "required": [
        "port"
       ],
       "properties": {
        "port": {
         "type": "integer",
         "format": "int32",
         "minimum": 1,
         "maximum": 65535
        },
        "path": {
         "type": "string",
         "default": "/mcp",
         "minLength": 1,
         "maxLength": 1024,
         "x-kubernetes-validations": [
          {
           "rule": "self.matches('^/([A-Za-z0-9._~!$&()*+,=:@/-]|%[0-9A-Fa-f][0-9A-Fa-f])*$')",
           "message": "must be a path that begins with '/', without query, fragment, backslash, ';', spaces or bad percent-escapes"
          },
          {
           "rule": "!self.contains('//')",
           "message": "must not contain '//'"
          },
          {
           "rule": "!self.matches('/[.][.]?(/|$)')",
           "message": "must not contain the segments '.' or '..'"
          },
          {
           "rule": "!self.matches('%([01][0-9A-Fa-f]|2[5EeFf]|5[Cc]|7[Ff])')",
           "message": "must not percent-encode '/', '.', '\\', '%' or control characters"
          }
         ]
        },
        "transport": {
         "type": "string",
         "default": "StreamableHTTP",
         "maxLength": 32,
         "enum": [
          "StreamableHTTP",
          "HTTPWithSSE"
         ]
        },
        "directAccess": {
         "type": "string",
         "default": "Blocked",
         "maxLength": 16,
         "enum": [
          "Blocked",
          "Tolerated"
         ]
        },
        "credentials": {
         "type": "array",
         "minItems": 1,
         "maxItems": 8,
         "x-kubernetes-list-type": "map",
         "x-kubernetes-list-map-keys": [
          "header"
         ],
         "x-kubernetes-validations": [
          {
           "rule": "self.all(a, self.exists_one(b, b.header.lowerAscii() == a.header.lowerAscii()))",
           "message": "header names must differ by more than upper and lower case"
          }
         ],
         "items": {
          "type": "object",
          "required": [
           "header",
           "secretRef"
          ],
          "properties": {
           "header": {
            "type": "string",
            "minLength": 1,
            "maxLength": 64,
            "x-kubernetes-validations": [
             {
              "rule": "self.matches('^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$')",
              "message": "must be a header name of letters, digits and single hyphens (no underscore)"
             },
             {
              "rule": "!(self.lowerAscii() in ['accept', 'connection', 'content-encoding', 'content-length', 'content-type', 'expect', 'forwarded', 'host', 'keep-alive', 'last-event-id', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'via'])",
              "message": "must not be a header that frames, routes or negotiates the request"
             },
             {
              "rule": "!self.lowerAscii().startsWith('mcp-') && !self.lowerAscii().startsWith('x-forwarded-') && !self.lowerAscii().startsWith('x-mcp-gateway-') && !self.lowerAscii().startsWith('proxy-')",
              "message": "must not begin with Mcp-, X-Forwarded-, X-MCP-Gateway- or Proxy-"
             }
            ]
           },
           "prefix": {
            "type": "string",
            "default": "",
            "maxLength": 64,
            "x-kubernetes-validations": [
             {
              "rule": "self.matches('^[ -~]*$')",
              "message": "must be printable ASCII"
             }
            ]
           },
           "secretRef": {
            "type": "object",
            "x-kubernetes-map-type": "atomic",
            "required": [
             "name",
             "key"
            ],
            "properties": {
             "name": {
              "type": "string",
              "minLength": 1,
              "maxLength": 253,
              "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
             },
             "key": {
              "type": "string",
              "minLength": 1,
              "maxLength": 253,
              "pattern": "^[-._a-zA-Z0-9]+$"
             }
            }
           }
          }
         }
        }
       }
      },
      "publicURLs": {
       "type": "array",
       "minItems": 1,
       "maxItems": 4,
       "x-kubernetes-list-type": "atomic",
       "x-kubernetes-validations": [
        {
         "rule": "self.all(a, self.exists_one(b, b == a))",
         "message": "must not contain the same URL twice"
        }
       ],
       "items": {
        "type": "string",
        "minLength": 1,
        "maxLength": 1024,
        "x-kubernetes-validations": [
         {
          "rule": "self.matches('^https?://([a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*|\\\\[[0-9a-f:]+\\\\])(:[1-9][0-9]{0,4})?(/([A-Za-z0-9._~!$&()*+,=:@/-]|%[0-9A-Fa-f][0-9A-Fa-f])*)?$')",
          "message": "must be an https URL with a lower-case host, without user information, query, fragment or bad percent-escapes"
         },
         {
          "rule": "self.startsWith('https://') || self.matches('^http://(localhost|127([.][0-9]{1,3}){3}|\\\\[::1\\\\])(:|/|$)')",
          "message": "must use https; http is accepted for loopback hosts only"
         },
         {
          "rule": "!self.matches('^(https://[^/]*:443|http://[^/]*:80)(/|$)')",
          "message": "must not spell out the default port: clients leave it out when they compare"
         },
         {
          "rule": "!self.matches('^https?://.*//')",
          "message": "must not contain '//' in its path"
         },
         {
          "rule": "!self.matches('/[.][.]?(/|$)')",
          "message": "must not contain the segments '.' or '..'"
         },
         {
          "rule": "!self.matches('%([01][0-9A-Fa-f]|2[5EeFf]|5[Cc]|7[Ff])')",
          "message": "must not percent-encode '/', '.', '\\', '%' or control characters"
         }
        ]
       }
      },
      "service": {
       "type": "object",
       "required": [
        "name"
       ],
       "properties": {
        "name": {
         "type": "string",
         "minLength": 1,
         "maxLength": 63,
         "pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$"
        }
       }
      },
      "tls": {
       "type": "object",
       "required": [
        "secretRef"
       ],
       "properties": {
        "secretRef": {
         "type": "object",
         "x-kubernetes-map-type": "atomic",
         "required": [
          "name"
         ],
         "properties": {
          "name": {
           "type": "string",
           "minLength": 1,
           "maxLength": 253,
           "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
          }
         }
        }
       }
      },
      "sidecar": {
       "type": "object",
       "properties": {
        "image": {
         "type": "string",
         "minLength": 1,
         "maxLength": 512,
         "x-kubernetes-validations": [
          {
           "rule": "self.matches('^([a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$')",
           "message": "must be an image reference such as registry.example.com/mcpgateway/sidecar:1.2.3"
          },
          {
           "rule": "self.matches('[:@][^/]+$')",
           "message": "must name a tag or a digest"
          }
         ]
        },
        "resources": {
         "type": "object",
         "x-kubernetes-validations": [
          {
           "rule": "!has(self.requests) || !has(self.requests.memory) || !has(self.limits) || !has(self.limits.memory) || (self.requests.memory.endsWith('Mi') && self.limits.memory.endsWith('Gi')) || (self.requests.memory.endsWith('Mi') == self.limits.memory.endsWith('Mi') && (self.requests.memory.size() < self.limits.memory.size() || (self.requests.memory.size() == self.limits.memory.size() && self.requests.memory <= self.limits.memory)))",
           "fieldPath": ".requests",
           "message": "requests.memory must not exceed limits.memory"
          }
         ],
         "properties": {
          "requests": {
           "type": "object",
           "properties": {
            "cpu": {
             "type": "string",
             "maxLength": 8,
             "pattern": "^([1-9][0-9]{0,3}m|[1-8])$"
            },
            "memory": {
             "type": "string",
             "maxLength": 8,
             "pattern": "^([1-9][0-9]{0,2}Mi|[1-8]Gi)$",
             "x-kubernetes-validations": [
              {
               "rule": "!self.matches('^([1-9]|[1-5][0-9]|6[0-3])Mi$')",
               "message": "must be at least 64Mi: an idle sidecar takes more"
              }
             ]
            }
           }
          },
          "limits": {
           "type": "object",
           "properties": {
            "memory": {
             "type": "string",
             "maxLength": 8,
             "pattern": "^([1-9][0-9]{0,2}Mi|[1-8]Gi)$",
             "x-kubernetes-validations": [
              {
               "rule": "!self.matches('^([1-9][0-9]?|1[01][0-9]|12[0-7])Mi$')",
               "message": "must be at least 128Mi: the sidecar and the policy it keeps in memory take as much"
              }
             ]
            }
           }
          }
         }
        },
        "logLevel": {
         "type": "string",
         "maxLength": 8,
         "enum": [
          "error",
          "warn",
          "info",
          "debug"
         ]
        }
       }
      },
      "authentication": {
       "type": "object",
       "x-kubernetes-validations": [
        {
         "rule": "has(self.gatewayTokens) || has(self.oidc) || has(self.clientCertificates)",
         "message": "at least one of gatewayTokens, oidc and clientCertificates is required"
        },
        {
         "rule": "!has(self.oidc) || !has(self.clientCertificates) || self.oidc.all(o, !self.clientCertificates.exists(c, c.name == o.name))",
         "message": "an entry of oidc and one of clientCertificates must not have the same name: access rules name entries"
        }
       ],
       "properties": {
        "gatewayTokens": {
         "type": "object",
         "x-kubernetes-validations": [
          {
           "rule": "self.bearer || has(self.apiKeyHeader)",
           "message": "bearer must be true or apiKeyHeader set: otherwise no gateway token could be presented"
          }
         ],
         "properties": {
          "bearer": {
           "type": "boolean",
           "default": false
          },
          "apiKeyHeader": {
           "type": "string",
           "minLength": 1,
           "maxLength": 64,
           "x-kubernetes-validations": [
            {
             "rule": "self.matches('^[A-Za-z0-9]+(-[A-Za-z0-9]+)*$')",
             "message": "must be a header name of letters, digits and single hyphens (no underscore)"
            },
            {
             "rule": "!(self.lowerAscii() in ['accept', 'accept-encoding', 'accept-language', 'authorization', 'baggage', 'cache-control', 'connection', 'content-encoding', 'content-length', 'content-type', 'cookie', 'date', 'dpop', 'expect', 'forwarded', 'host', 'keep-alive', 'last-event-id', 'origin', 'range', 'referer', 'set-cookie', 'te', 'traceparent', 'tracestate', 'trailer', 'transfer-encoding', 'upgrade', 'user-agent', 'via', 'x-real-ip', 'x-request-id'])",
             "message": "must not be a header that already has a meaning"
            },
            {
             "rule": "!self.lowerAscii().startsWith('mcp-') && !self.lowerAscii().startsWith('x-forwarded-') && !self.lowerAscii().startsWith('x-mcp-gateway-') && !self.lowerAscii().startsWith('proxy-') && !self.lowerAscii().startsWith('sec-') && !self.lowerAscii().startsWith('if-') && !self.lowerAscii().startsWith('access-control-')",
             "message": "must not begin with Mcp-, X-Forwarded-, X-MCP-Gateway-, Proxy-, Sec-, If- or Access-Control-"
            }
           ]
          }
         }
        },
        "oidc": {
         "type": "array",
         "minItems": 1,
         "maxItems": 8,
         "x-kubernetes-list-type": "map",
         "x-kubernetes-list-map-keys": [
          "name"
         ],
         "items": {
          "type": "object",
          "required": [
           "name"
          ],
          "x-kubernetes-validations": [
           {
            "rule": "has(self.providerRef) != has(self.issuer)",
            "message": "exactly one of providerRef and issuer is required"
           },
           {
            "rule": "has(self.issuer) || (!has(self.audiences) && !has(self.claims))",
            "message": "audiences and claims belong to an inline provider: set issuer instead of providerRef"
           }
          ],
          "properties": {
           "name": {
            "type": "string",
            "minLength": 1,
            "maxLength": 63,
            "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
           },
           "providerRef": {
            "type": "object",
            "x-kubernetes-map-type": "atomic",
            "required": [
             "name"
            ],
            "properties": {
             "name": {
              "type": "string",
              "minLength": 1,
              "maxLength": 63,
              "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
             }
            }
           },
           "issuer": {
            "type": "string",
            "minLength": 1,
            "maxLength": 512,
            "x-kubernetes-validations": [
             {
              "rule": "self.matches('^https://[A-Za-z0-9._~:/-]+$')",
              "message": "must be an https URL without user information, query or fragment"
             }
            ]
           },
           "audiences": {
            "type": "array",
            "minItems": 1,
            "maxItems": 8,
            "x-kubernetes-list-type": "set",
            "items": {
             "type": "string",
             "minLength": 1,
             "maxLength": 512,
             "pattern": "^[!-~]+$"
            }
           },
           "claims": {
            "type": "object",
            "properties": {
             "user": {
              "type": "string",
              "default": "sub",
              "minLength": 1,
              "maxLength": 128,
              "pattern": "^[!-~]+$"
             },
             "email": {
              "type": "string",
              "minLength": 1,
              "maxLength": 128,
              "pattern": "^[!-~]+$"
             },
             "displayName": {
              "type": "string",
              "minLength": 1,
              "maxLength": 128,
              "pattern": "^[!-~]+$"
             },
             "team": {
              "type": "string",
              "minLength": 1,
              "maxLength": 128,
              "pattern": "^[!-~]+$"
             },
             "organization": {
              "type": "string",
              "minLength": 1,
              "maxLength": 128,
              "pattern": "^[!-~]+$"
             },
             "groups": {
              "type": "string",
              "minLength": 1,
              "maxLength": 128,
              "pattern": "^[!-~]+$"
             },
             "roles": {
              "type": "string",
              "minLength": 1,
              "maxLength": 128,
              "pattern": "^[!-~]+$"
             },
             "attributes": {
              "type": "object",
              "maxProperties": 16,
              "x-kubernetes-validations": [
               {
                "rule": "self.all(k, k.matches('^[A-Za-z][A-Za-z0-9_-]{0,62}$'))",
                "message": "attribute names must begin with a letter and have at most 63 letters, digits, '-' and '_'"
               }
              ],
              "additionalProperties": {
               "type": "string",
               "minLength": 1,
               "maxLength": 128,
               "pattern": "^[!-~]+$"
              }
             }
            }
           }
          }
         }
        },
        "clientCertificates": {
         "type": "array",
         "minItems": 1,
         "maxItems": 8,
         "x-kubernetes-list-type": "map",
         "x-kubernetes-list-map-keys": [
          "name"
         ],
         "items": {
          "type": "object",
          "required": [
           "name",
           "trustBundleRef",
           "subjectFrom"
          ],
          "x-kubernetes-validations": [
           {
            "rule": "(self.subjectFrom == 'URI') == has(self.trustDomain)",
            "message": "trustDomain is required with subjectFrom URI and not accepted with another"
           }
          ],
          "properties": {
           "name": {
            "type": "string",
            "minLength": 1,
            "maxLength": 63,
            "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
           },
           "trustBundleRef": {
            "type": "object",
            "x-kubernetes-map-type": "atomic",
            "required": [
             "name"
            ],
            "properties": {
             "name": {
              "type": "string",
              "minLength": 1,
              "maxLength": 253,
              "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
             },
             "key": {
              "type": "string",
              "default": "ca.crt",
              "minLength": 1,
              "maxLength": 253,
              "pattern": "^[-._a-zA-Z0-9]+$"
             }
            }
           },
           "subjectFrom": {
            "type": "string",
            "maxLength": 16,
            "enum": [
             "URI",
             "DNS",
             "Email"
            ]
           },
           "trustDomain": {
            "type": "string",
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^[a-z0-9]([-a-z0-9._]*[a-z0-9])?$"
           }
          }
         }
        }
       }
      },
      "access": {
       "type": "array",
       "minItems": 1,
       "maxItems": 64,
       "x-kubernetes-list-type": "map",
       "x-kubernetes-list-map-keys": [
        "name"
       ],
       "items": {
        "type": "object",
        "required": [
         "name",
         "effect",
         "principals"
        ],
        "x-kubernetes-validations": [
         {
          "rule": "has(self.tools) || has(self.prompts) || has(self.resources)",
          "message": "at least one of tools, prompts and resources is required: an absent list matches nothing"
         },
         {
          "rule": "self.effect == 'Deny' || self.principals.all(p, has(p.from) && !has(p.everyone))",
          "fieldPath": ".principals",
          "message": "every principal of an Allow rule needs from: a group of another issuer is nobody"
         },
         {
          "rule": "self.effect == 'Deny' || self.principals.all(p, !has(p.from) || !('gatewayTokens' in p.from))",
          "fieldPath": ".principals",
          "message": "an Allow rule cannot name gatewayTokens: what a token may do is written in its permissions"
         }
        ],
        "properties": {
         "name": {
          "type": "string",
          "minLength": 1,
          "maxLength": 63,
          "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
         },
         "effect": {
          "type": "string",
          "maxLength": 8,
          "enum": [
           "Allow",
           "Deny"
          ]
         },
         "principals": {
          "type": "array",
          "minItems": 1,
          "maxItems": 16,
          "x-kubernetes-list-type": "atomic",
          "items": {
           "type": "object",
           "x-kubernetes-validations": [
            {
             "rule": "has(self.everyone) || has(self.from) || has(self.users) || has(self.groups) || has(self.roles)",
             "message": "must not be empty; for everybody write everyone: true"
            },
            {
             "rule": "!has(self.everyone) || !(has(self.from) || has(self.users) || has(self.groups) || has(self.roles))",
             "message": "everyone cannot be combined with another field"
            }
           ],
           "properties": {
            "everyone": {
             "type": "boolean",
             "enum": [
              true
             ]
            },
            "from": {
             "type": "array",
             "minItems": 1,
             "maxItems": 8,
             "x-kubernetes-list-type": "set",
             "items": {
              "type": "string",
              "minLength": 1,
              "maxLength": 63,
              "pattern": "^([a-z0-9]([-a-z0-9]*[a-z0-9])?|gatewayTokens)$"
             }
            },
            "users": {
             "type": "array",
             "minItems": 1,
             "maxItems": 64,
             "x-kubernetes-list-type": "set",
             "items": {
              "type": "string",
              "minLength": 1,
              "maxLength": 256,
              "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
             }
            },
            "groups": {
             "type": "array",
             "minItems": 1,
             "maxItems": 64,
             "x-kubernetes-list-type": "set",
             "items": {
              "type": "string",
              "minLength": 1,
              "maxLength": 128,
              "pattern": "^[^,\\x00-\\x1f\\x7f-\\x9f]+$"
             }
            },
            "roles": {
             "type": "array",
             "minItems": 1,
             "maxItems": 64,
             "x-kubernetes-list-type": "set",
             "items": {
              "type": "string",
              "minLength": 1,
              "maxLength": 128,
              "pattern": "^[^,\\x00-\\x1f\\x7f-\\x9f]+$"
             }
            }
           }
          }
         },
         "tools": {
          "type": "array",
          "minItems": 1,
          "maxItems": 64,
          "x-kubernetes-list-type": "set",
          "items": {
           "type": "string",
           "minLength": 1,
           "maxLength": 256,
           "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
          }
         },
         "prompts": {
          "type": "array",
          "minItems": 1,
          "maxItems": 64,
          "x-kubernetes-list-type": "set",
          "items": {
           "type": "string",
           "minLength": 1,
           "maxLength": 256,
           "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
          }
         },
         "resources": {
          "type": "array",
          "minItems": 1,
          "maxItems": 64,
          "x-kubernetes-list-type": "set",
          "items": {
           "type": "string",
           "minLength": 1,
           "maxLength": 256,
           "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
          }
         }
        }
       }
      },
      "tokens": {
       "type": "object",
       "required": [
        "from"
       ],
       "properties": {
        "from": {
         "type": "array",
         "minItems": 1,
         "maxItems": 16,
         "x-kubernetes-list-type": "atomic",
         "items": {
          "type": "object",
          "required": [
           "namespaceSelector"
          ],
          "x-kubernetes-validations": [
           {
            "rule": "has(self.tools) || has(self.prompts) || has(self.resources)",
            "message": "at least one of tools, prompts and resources is required: an absent list admits nothing"
           }
          ],
          "properties": {
           "namespaceSelector": {
            "type": "object",
            "x-kubernetes-validations": [
             {
              "rule": "has(self.matchLabels) || has(self.matchExpressions)",
              "message": "must not be empty; for every namespace write a matchExpressions entry with key kubernetes.io/metadata.name and operator Exists"
             }
            ],
            "properties": {
             "matchLabels": {
              "type": "object",
              "minProperties": 1,
              "maxProperties": 16,
              "x-kubernetes-validations": [
               {
                "rule": "self.all(k, k.size() <= 317 && k.matches('^([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$'))",
                "message": "keys must be label keys"
               }
              ],
              "additionalProperties": {
               "type": "string",
               "maxLength": 63
              }
             },
             "matchExpressions": {
              "type": "array",
              "minItems": 1,
              "maxItems": 16,
              "x-kubernetes-list-type": "atomic",
              "items": {
               "type": "object",
               "required": [
                "key",
                "operator"
               ],
               "x-kubernetes-validations": [
                {
                 "rule": "(self.operator in ['In', 'NotIn']) == has(self.values)",
                 "message": "values is required with In and NotIn and not accepted with Exists and DoesNotExist"
                }
               ],
               "properties": {
                "key": {
                 "type": "string",
                 "minLength": 1,
                 "maxLength": 317,
                 "pattern": "^([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"
                },
                "operator": {
                 "type": "string",
                 "maxLength": 16,
                 "enum": [
                  "In",
                  "NotIn",
                  "Exists",
                  "DoesNotExist"
                 ]
                },
                "values": {
                 "type": "array",
                 "minItems": 1,
                 "maxItems": 16,
                 "x-kubernetes-list-type": "set",
                 "items": {
                  "type": "string",
                  "maxLength": 63
                 }
                }
               }
              }
             }
            }
           },
           "tools": {
            "type": "array",
            "minItems": 1,
            "maxItems": 64,
            "x-kubernetes-list-type": "set",
            "items": {
             "type": "string",
             "minLength": 1,
             "maxLength": 256,
             "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
            }
           },
           "prompts": {
            "type": "array",
            "minItems": 1,
            "maxItems": 64,
            "x-kubernetes-list-type": "set",
            "items": {
             "type": "string",
             "minLength": 1,
             "maxLength": 256,
             "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
            }
           },
           "resources": {
            "type": "array",
            "minItems": 1,
            "maxItems": 64,
            "x-kubernetes-list-type": "set",
            "items": {
             "type": "string",
             "minLength": 1,
             "maxLength": 256,
             "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
            }
           }
          }
         }
        }
       }
      },
      "identity": {
       "type": "object",
       "properties": {
        "attributes": {
         "type": "array",
         "minItems": 1,
         "maxItems": 16,
         "x-kubernetes-list-type": "set",
         "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 63,
          "pattern": "^[A-Za-z][A-Za-z0-9_-]*$"
         }
        },
        "assertion": {
         "type": "string",
         "default": "Disabled",
         "maxLength": 16,
         "enum": [
          "Enabled",
          "Disabled"
         ]
        }
       }
      }
     }
    },
    "status": {
     "type": "object",
     "properties": {
      "conditions": {
       "type": "array",
       "maxItems": 16,
       "x-kubernetes-list-type": "map",
       "x-kubernetes-list-map-keys": [
        "type"
       ],
       "items": {
        "type": "object",
        "required": [
         "type",
         "status",
         "lastTransitionTime",
         "reason",
         "message"
        ],
        "properties": {
         "type": {
          "type": "string",
          "maxLength": 316,
          "pattern": "^[A-Z][A-Za-z]*$"
         },
         "status": {
          "type": "string",
          "maxLength": 8,
          "enum": [
           "True",
           "False",
           "Unknown"
          ]
         },
         "observedGeneration": {
          "type": "integer",
          "format": "int64",
          "minimum": 0
         },
         "lastTransitionTime": {
          "type": "string",
          "format": "date-time",
          "maxLength": 64
         },
         "reason": {
          "type": "string",
          "minLength": 1,
          "maxLength": 1024,
          "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
         },
         "message": {
          "type": "string",
          "maxLength": 32768
         }
        }
       }
      },
      "sidecars": {
       "type": "object",
       "properties": {
        "desired": {
         "type": "integer",
         "format": "int32",
         "minimum": 0
        },
        "ready": {
         "type": "integer",
         "format": "int32",
         "minimum": 0
        },
        "outdated": {
         "type": "integer",
         "format": "int32",
         "minimum": 0
        }
       }
      }
     }
    }
   }
  }
 },
 "GatewayToken": {
  "apiVersion": "mcpgateway.dev/v1alpha1",
  "openAPIV3Schema": {
   "type": "object",
   "required": [
    "spec"
   ],
   "x-kubernetes-validations": [
    {
     "rule": "self.metadata.name.size() <= 63 && !self.metadata.name.contains('.')",
     "message": "metadata.name must have at most 63 characters and no dot"
    }
   ],
   "properties": {
    "apiVersion": {
     "type": "string",
     "maxLength": 64
    },
    "kind": {
     "type": "string",
     "maxLength": 64
    },
    "metadata": {
     "type": "object"
    },
    "spec": {
     "type": "object",
     "required": [
      "type",
      "identity",
      "permissions",
      "lifetime"
     ],
     "x-kubernetes-validations": [
      {
       "rule": "self.type == oldSelf.type",
       "fieldPath": ".type",
       "message": "type is immutable: create another GatewayToken"
      },
      {
       "rule": "self.source == oldSelf.source",
       "fieldPath": ".source",
       "message": "source is immutable: create another GatewayToken"
      },
      {
       "rule": "has(self.secretRef) == has(oldSelf.secretRef) && (!has(self.secretRef) || self.secretRef == oldSelf.secretRef)",
       "message": "secretRef is immutable: create another GatewayToken"
      },
      {
       "rule": "!oldSelf.revoked || self.revoked",
       "fieldPath": ".revoked",
       "message": "revoked is one-way: a revoked token stays revoked; create another GatewayToken"
      },
      {
       "rule": "!has(oldSelf.expiresAt) || (has(self.expiresAt) && timestamp(self.expiresAt) <= timestamp(oldSelf.expiresAt))",
       "message": "expiresAt may only move earlier and cannot be removed"
      },
      {
       "rule": "duration(self.lifetime) <= duration(oldSelf.lifetime)",
       "fieldPath": ".lifetime",
       "message": "lifetime may only be shortened"
      },
      {
       "rule": "!has(self.rotation) || duration(self.rotation.every) + duration(self.rotation.overlap) <= duration(self.lifetime)",
       "fieldPath": ".rotation",
       "message": "rotation.every plus rotation.overlap must not exceed lifetime: a generation would expire before clients have the next one"
      },
      {
       "rule": "self.source.type != 'Hash' || !has(self.secretRef)",
       "fieldPath": ".secretRef",
       "message": "secretRef is not accepted with source Hash: nobody but its maker has the token"
      },
      {
       "rule": "self.source.type != 'Hash' || !has(self.rotation)",
       "fieldPath": ".rotation",
       "message": "rotation is not accepted with source Hash: nobody but its maker can make another"
      },
      {
       "rule": "self.source.type != 'Generated' || has(self.secretRef)",
       "reason": "FieldValueRequired",
       "message": "secretRef is required with source Generated: the token is written there"
      },
      {
       "rule": "self.source.type != 'Hash' || self.type != 'ClientCertificate'",
       "fieldPath": ".source",
       "message": "source Hash is not accepted with type ClientCertificate"
      }
     ],
     "properties": {
      "type": {
       "type": "string",
       "maxLength": 32,
       "enum": [
        "Bearer",
        "APIKey",
        "ClientCertificate"
       ]
      },
      "source": {
       "type": "object",
       "default": {
        "type": "Generated"
       },
       "required": [
        "type"
       ],
       "x-kubernetes-validations": [
        {
         "rule": "(self.type == 'Hash') == has(self.sha256) && (self.type == 'Hash') == has(self.id)",
         "message": "sha256 and id are both required with type Hash, and neither is accepted with type Generated"
        }
       ],
       "properties": {
        "type": {
         "type": "string",
         "maxLength": 16,
         "enum": [
          "Generated",
          "Hash"
         ]
        },
        "sha256": {
         "type": "string",
         "minLength": 64,
         "maxLength": 64,
         "pattern": "^[0-9a-f]{64}$"
        },
        "id": {
         "type": "string",
         "minLength": 8,
         "maxLength": 8,
         "pattern": "^[0-9A-Za-z]{8}$"
        }
       }
      },
      "identity": {
       "type": "object",
       "required": [
        "user"
       ],
       "properties": {
        "user": {
         "type": "string",
         "minLength": 1,
         "maxLength": 256,
         "pattern": "^[^\\x00-\\x20\\x7f-\\xa0]([^\\x00-\\x1f\\x7f-\\x9f]*[^\\x00-\\x20\\x7f-\\xa0])?$"
        },
        "email": {
         "type": "string",
         "minLength": 3,
         "maxLength": 254,
         "pattern": "^[^@,;<>\"\\x00-\\x20\\x7f-\\xa0]+@[^@,;<>\"\\x00-\\x20\\x7f-\\xa0]+$"
        },
        "displayName": {
         "type": "string",
         "minLength": 1,
         "maxLength": 256,
         "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
        },
        "team": {
         "type": "string",
         "minLength": 1,
         "maxLength": 128,
         "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
        },
        "organization": {
         "type": "string",
         "minLength": 1,
         "maxLength": 128,
         "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
        },
        "groups": {
         "type": "array",
         "maxItems": 64,
         "x-kubernetes-list-type": "set",
         "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 128,
          "pattern": "^[^,\\x00-\\x1f\\x7f-\\x9f]+$"
         }
        },
        "roles": {
         "type": "array",
         "maxItems": 64,
         "x-kubernetes-list-type": "set",
         "items": {
          "type": "string",
          "minLength": 1,
          "maxLength": 128,
          "pattern": "^[^,\\x00-\\x1f\\x7f-\\x9f]+$"
         }
        },
        "attributes": {
         "type": "object",
         "maxProperties": 16,
         "x-kubernetes-validations": [
          {
           "rule": "self.all(k, k.matches('^[A-Za-z][A-Za-z0-9_-]{0,62}$'))",
           "message": "attribute names must begin with a letter and have at most 63 letters, digits, '-' and '_'"
          }
         ],
         "additionalProperties": {
          "type": "string",
          "maxLength": 256,
          "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
         }
        }
       }
      },
      "permissions": {
       "type": "array",
       "minItems": 1,
       "maxItems": 32,
       "x-kubernetes-list-type": "atomic",
       "items": {
        "type": "object",
        "required": [
         "serverRefs"
        ],
        "x-kubernetes-validations": [
         {
          "rule": "has(self.tools) || has(self.prompts) || has(self.resources)",
          "message": "at least one of tools, prompts and resources is required: an absent list matches nothing"
         }
        ],
        "properties": {
         "serverRefs": {
          "type": "array",
          "minItems": 1,
          "maxItems": 64,
          "x-kubernetes-list-type": "atomic",
          "items": {
           "type": "object",
           "required": [
            "name"
           ],
           "properties": {
            "name": {
             "type": "string",
             "minLength": 1,
             "maxLength": 63,
             "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
            },
            "namespace": {
             "type": "string",
             "minLength": 1,
             "maxLength": 63,
             "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
            }
           }
          }
         },
         "tools": {
          "type": "array",
          "minItems": 1,
          "maxItems": 64,
          "x-kubernetes-list-type": "set",
          "items": {
           "type": "string",
           "minLength": 1,
           "maxLength": 256,
           "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
          }
         },
         "prompts": {
          "type": "array",
          "minItems": 1,
          "maxItems": 64,
          "x-kubernetes-list-type": "set",
          "items": {
           "type": "string",
           "minLength": 1,
           "maxLength": 256,
           "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
          }
         },
         "resources": {
          "type": "array",
          "minItems": 1,
          "maxItems": 64,
          "x-kubernetes-list-type": "set",
          "items": {
           "type": "string",
           "minLength": 1,
           "maxLength": 256,
           "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]+$"
          }
         }
        }
       }
      },
      "lifetime": {
       "type": "string",
       "maxLength": 32,
       "x-kubernetes-validations": [
        {
         "rule": "self.matches('^([0-9]{1,5}(ms|s|m|h))+$') && duration(self) > duration('0s') && duration(self) <= duration('8760h')",
         "message": "must be a duration in h, m, s and ms such as 24h or 1h30m, more than nothing and at most 8760h"
        }
       ]
      },
      "expiresAt": {
       "type": "string",
       "minLength": 20,
       "maxLength": 24,
       "x-kubernetes-validations": [
        {
         "rule": "self.matches('^20([0-9][0-9]-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))|([02468][048]|[13579][26])-02-29)T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,3})?Z$')",
         "message": "must be a time of this century in UTC such as 2027-01-31T00:00:00Z"
        }
       ]
      },
      "rotation": {
       "type": "object",
       "required": [
        "every"
       ],
       "properties": {
        "every": {
         "type": "string",
         "maxLength": 32,
         "x-kubernetes-validations": [
          {
           "rule": "self.matches('^([0-9]{1,5}(ms|s|m|h))+$') && duration(self) > duration('0s') && duration(self) <= duration('8760h')",
           "message": "must be a duration in h, m, s and ms such as 12h or 1h30m, more than nothing and at most 8760h"
          }
         ]
        },
        "overlap": {
         "type": "string",
         "default": "1h",
         "maxLength": 32,
         "x-kubernetes-validations": [
          {
           "rule": "self.matches('^([0-9]{1,5}(ms|s|m|h))+$') && duration(self) <= duration('168h')",
           "message": "must be a duration in h, m, s and ms such as 1h or 30m, at most 168h"
          }
         ]
        }
       }
      },
      "secretRef": {
       "type": "object",
       "x-kubernetes-map-type": "atomic",
       "required": [
        "name"
       ],
       "properties": {
        "name": {
         "type": "string",
         "minLength": 1,
         "maxLength": 253,
         "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
        }
       }
      },
      "binding": {
       "type": "string",
       "default": "None",
       "maxLength": 16,
       "enum": [
        "None",
        "Certificate"
       ]
      },
      "revoked": {
       "type": "boolean",
       "default": false
      }
     }
    },
    "status": {
     "type": "object",
     "properties": {
      "conditions": {
       "type": "array",
       "maxItems": 16,
       "x-kubernetes-list-type": "map",
       "x-kubernetes-list-map-keys": [
        "type"
       ],
       "items": {
        "type": "object",
        "required": [
         "type",
         "status",
         "lastTransitionTime",
         "reason",
         "message"
        ],
        "properties": {
         "type": {
          "type": "string",
          "maxLength": 316,
          "pattern": "^[A-Z][A-Za-z]*$"
         },
         "status": {
          "type": "string",
          "maxLength": 8,
          "enum": [
           "True",
           "False",
           "Unknown"
          ]
         },
         "observedGeneration": {
          "type": "integer",
          "format": "int64",
          "minimum": 0
         },
         "lastTransitionTime": {
          "type": "string",
          "format": "date-time",
          "maxLength": 64
         },
         "reason": {
          "type": "string",
          "minLength": 1,
          "maxLength": 1024,
          "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
         },
         "message": {
          "type": "string",
          "maxLength": 32768
         }
        }
       }
      },
      "generations": {
       "type": "array",
       "maxItems": 4,
       "x-kubernetes-list-type": "map",
       "x-kubernetes-list-map-keys": [
        "id"
       ],
       "items": {
        "type": "object",
        "required": [
         "id",
         "state",
         "issuedAt",
         "expiresAt"
        ],
        "properties": {
         "id": {
          "type": "string",
          "maxLength": 8,
          "pattern": "^[0-9A-Za-z]{8}$"
         },
         "state": {
          "type": "string",
          "maxLength": 16,
          "enum": [
           "Pending",
           "Current",
           "Previous"
          ]
         },
         "issuedAt": {
          "type": "string",
          "format": "date-time",
          "maxLength": 64
         },
         "expiresAt": {
          "type": "string",
          "format": "date-time",
          "maxLength": 64
         }
        }
       }
      },
      "observedRotateRequest": {
       "type": "string",
       "maxLength": 64
      },
      "enforcement": {
       "type": "object",
       "properties": {
        "generation": {
         "type": "integer",
         "format": "int64",
         "minimum": 0
        },
        "sidecars": {
         "type": "integer",
         "format": "int32",
         "minimum": 0
        },
        "enforcing": {
         "type": "integer",
         "format": "int32",
         "minimum": 0
        },
        "slowestAckMilliseconds": {
         "type": "integer",
         "format": "int64",
         "minimum": 0
        }
       }
      },
      "lastUsedAt": {
       "type": "string",
       "format": "date-time",
       "maxLength": 64
      },
      "usage": {
       "type": "object",
       "properties": {
        "asOf": {
         "type": "string",
         "format": "date-time",
         "maxLength": 64
        },
        "lastDeniedAt": {
         "type": "string",
         "format": "date-time",
         "maxLength": 64
        },
        "permissions": {
         "type": "array",
         "maxItems": 32,
         "x-kubernetes-list-type": "atomic",
         "items": {
          "type": "object",
          "required": [
           "index",
           "digest",
           "lastUsedAt"
          ],
          "properties": {
           "index": {
            "type": "integer",
            "format": "int32",
            "minimum": 0,
            "maximum": 31
           },
           "digest": {
            "type": "string",
            "maxLength": 16,
            "pattern": "^[0-9a-f]{16}$"
           },
           "lastUsedAt": {
            "type": "string",
            "format": "date-time",
            "maxLength": 64
           },
           "tools": {
            "type": "array",
            "maxItems": 32,
            "x-kubernetes-list-type": "atomic",
            "items": {
             "type": "string",
             "maxLength": 128
            }
           },
           "moreTools": {
            "type": "boolean"
           }
          }
         }
        }
       }
      }
     }
    }
   }
  }
 }
};
