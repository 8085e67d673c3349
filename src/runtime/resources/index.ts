export {
  type ComponentResource,
  dropNow,
  GivenResources,
  type ResourceCalls,
  type ResourceHolder,
  type ResourceMethod,
  ResourceObject,
  type ResourceType,
} from './given-resources.ts';
